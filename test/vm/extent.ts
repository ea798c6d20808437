import { isShort } from '../support/extent.js';

/** Hosts that CI has no time for, by the names of their test files: systemd takes minutes on each. */
export const left: readonly string[] = isShort
  ? ['debian-forky', 'debian-13-isolcpus', '6.1-hybrid', '6.1-v2', 'readme-24-cpus']
  : [];

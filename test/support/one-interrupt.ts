/** A tree with one interrupt, and the place of a record of what was done to it. */
import { dirname } from 'node:path';
import type { Host } from '../../lib/host.js';
import { cpus, hostTree } from './tree.js';

export const BOOT = 'this boot';

export interface OneInterrupt {
  readonly host: Host;
  /** Path of the record. */
  readonly undo: string;
  /** Path of the interrupt's list of CPUs. */
  readonly mask: string;
}

/** @param files of the tree beside these, as {@link hostTree} takes them */
export function oneInterrupt(files: Readonly<Record<string, string>> = {}): OneInterrupt {
  const host = hostTree({
    ...cpus('0-7'),
    'proc/sys/kernel/random/boot_id': BOOT,
    'proc/irq/9/smp_affinity_list': '4-7',
    ...files,
  });
  return { host, undo: `${dirname(host.sys)}/undo`, mask: `${host.proc}/irq/9/smp_affinity_list` };
}

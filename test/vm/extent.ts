const isShort = process.env['VFIO_ISOLATE_EXTENT'] === 'short';

/** Hosts that CI has no time for, by the names of their test files: systemd takes minutes to boot on each. */
export const left: readonly string[] = isShort ? ['debian-forky', '6.1-hybrid', '6.1-v2', 'readme-24-cpus'] : [];

/** Page caches and compaction (admin-guide/sysctl/vm.rst). */
import type { Host } from '../host.js';
import { remedyForAccess } from './confinement.js';
import type { KernelFile } from './kernel-file.js';

/** Takes 1 (page cache), 2 (reclaimable slab) or 3 (both); only clean pages go. */
export const dropCachesFile = (host: Host): string => `${host.proc}/sys/vm/drop_caches`;

/** Takes 1; absent without CONFIG_COMPACTION. */
export const compactMemoryFile = (host: Host): string => `${host.proc}/sys/vm/compact_memory`;

export const MEMORY_FILES: readonly KernelFile[] = [
  {
    root: 'proc',
    pattern: /^sys\/vm\/(drop_caches|compact_memory)$/,
    same: () => true,
    trigger: true,
    explain: ({ code }, host) => (code === 'EACCES' ? { remedy: remedyForAccess(host) } : {}),
  },
];

/** Which cpusets may be deleted. */
import { statSync } from 'node:fs';
import { VfioIsolateError } from '../../errors.js';
import { type Host, readIfThere } from '../../host.js';
import { childrenOf, cpusetName, requireCpuset } from '../../kernel/cpuset.js';
import { isPartition } from '../../kernel/cpuset-v2.js';
import type { CpusetHierarchy } from '../../kernel/mounts.js';
import { requireDomain } from './v2-rules.js';

/**
 * @param force also where an undo could not bring back all of it
 * @throws VfioIsolateError `ERR_STATE`
 */
export function requireRemovable(host: Host, hierarchy: CpusetHierarchy, directory: string, force: boolean): void {
  if (directory === hierarchy.mountPoint) throw new VfioIsolateError('ERR_STATE', 'the root cpuset cannot be deleted');
  requireCpuset(host, hierarchy, directory);
  const name = cpusetName(hierarchy, directory);
  const children = childrenOf(host, directory).map((child) => cpusetName(hierarchy, child));
  if (children.length > 0) {
    throw new VfioIsolateError('ERR_STATE', `${name} has cpusets below it: ${children.join(', ')}`, {
      remedy: 'delete those first',
    });
  }
  if (hierarchy.version === 2) requireDomain(host, hierarchy, directory);
  const loss = whatUndoCouldNotBringBack(host, hierarchy, directory);
  if (loss === undefined || force) return;
  throw new VfioIsolateError('ERR_STATE', `${name} ${loss}, which an undo could not bring back`, {
    remedy: 'delete it all the same with --force',
  });
}

/** A step holds what a cpuset is set to: no owners, no modes, and nothing of other controllers. */
function whatUndoCouldNotBringBack(host: Host, hierarchy: CpusetHierarchy, directory: string): string | undefined {
  if (hierarchy.version === 1 && hierarchy.others.length > 0) {
    return `also carries settings of ${hierarchy.others.join(', ')}`;
  }
  if (isPartition(host, directory)) return 'is the root of a partition';
  const other = hierarchy.version === 2 ? otherSetting(host, directory) : undefined;
  if (other !== undefined) return `has ${other}`;
  const handedOn = readIfThere(host, `${directory}/cgroup.subtree_control`);
  if (handedOn !== undefined && handedOn !== '') return `hands on ${handedOn}`;
  for (const path of [directory, `${directory}/tasks`, `${directory}/cgroup.procs`]) {
    const { uid = 0, gid = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (uid !== 0 || gid !== 0) return `is delegated to uid ${uid}, gid ${gid}`;
  }
  return undefined;
}

/** What a new cgroup of version 2 has of other controllers' settings (cgroup-v2.rst). */
const FRESH: Readonly<Record<string, string>> = {
  'cgroup.freeze': '0',
  'cgroup.max.depth': 'max',
  'cgroup.max.descendants': 'max',
  'cpu.idle': '0',
  'cpu.max': 'max 100000',
  'cpu.max.burst': '0',
  'cpu.weight': '100',
  'cpuset.cpus.exclusive': '',
  'cpuset.cpus.partition': 'member',
  'io.latency': '',
  'io.max': '',
  'io.weight': 'default 100',
  'memory.high': 'max',
  'memory.low': '0',
  'memory.max': 'max',
  'memory.min': '0',
  'memory.oom.group': '0',
  'memory.swap.high': 'max',
  'memory.swap.max': 'max',
  'memory.zswap.max': 'max',
  'pids.max': 'max',
};

/** A setting of a cgroup of version 2 that is none of its cpuset's lists, and not as in a new one. */
export function otherSetting(host: Host, directory: string): string | undefined {
  for (const [file, fresh] of Object.entries(FRESH)) {
    const present = readIfThere(host, `${directory}/${file}`);
    if (present !== undefined && present !== fresh) return `${file} ${present}`;
  }
  return undefined;
}

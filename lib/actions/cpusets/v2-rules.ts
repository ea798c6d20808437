/** What cgroup v2 does not allow, told before anything is changed (cgroup-v2.rst). */
import { VfioIsolateError } from '../../errors.js';
import { type Host, readIfThere } from '../../host.js';
import { childrenOf, cpusetName } from '../../kernel/cpuset.js';
import { effectiveAbove, isPartition, partitionInTheWay } from '../../kernel/cpuset-v2.js';
import type { CpusetHierarchy } from '../../kernel/mounts.js';
import { parseList } from '../../sets/list.js';
import type { AskedLists } from './options.js';

/** Lists that a cgroup can have without harm to partitions. @throws VfioIsolateError `ERR_STATE` */
export function requireFits(host: Host, hierarchy: CpusetHierarchy, directory: string, lists: AskedLists): void {
  const name = cpusetName(hierarchy, directory);
  for (const list of ['cpus', 'mems'] as const) {
    const asked = lists[list];
    const above = effectiveAbove(host, hierarchy, directory, list);
    if (asked === undefined || parseList(asked).overlaps(above)) continue;
    throw new VfioIsolateError('ERR_STATE', `${name} cannot have ${list} ${asked}: the cgroup above it has ${above}`, {
      remedy: 'choose among those, or widen the one above first',
    });
  }
  if (lists.cpus === undefined) return;
  if (isPartition(host, directory)) {
    throw new VfioIsolateError('ERR_STATE', `${name} is the root of a partition, whose CPUs others rely on`, {
      remedy: 'make it a member first: echo member > cpuset.cpus.partition',
    });
  }
  const partition = partitionInTheWay(host, hierarchy, directory, parseList(lists.cpus));
  if (partition === undefined) return;
  throw new VfioIsolateError(
    'ERR_STATE',
    `CPUs ${lists.cpus} of ${name} overlap those of the partition ${cpusetName(hierarchy, partition)}, which would become invalid`,
    { remedy: 'choose other CPUs' },
  );
}

/** A cgroup whose members are whole processes. @throws VfioIsolateError `ERR_STATE` */
export function requireDomain(host: Host, hierarchy: CpusetHierarchy, directory: string): void {
  const type = readIfThere(host, `${directory}/cgroup.type`) ?? 'domain';
  if (type === 'domain') return;
  throw new VfioIsolateError('ERR_STATE', `${cpusetName(hierarchy, directory)} is ${type}: its members are threads`, {
    remedy: 'name the nearest cgroup above it that is a plain domain',
  });
}

/** A cgroup that can hold tasks: the root, or one that hands no controllers on. @throws VfioIsolateError `ERR_STATE` */
export function requireRoom(host: Host, hierarchy: CpusetHierarchy, directory: string): void {
  if (directory === hierarchy.mountPoint) return;
  const controllers = readIfThere(host, `${directory}/cgroup.subtree_control`) ?? '';
  if (controllers === '') return;
  const below = childrenOf(host, directory).map((child) => cpusetName(hierarchy, child));
  throw new VfioIsolateError(
    'ERR_STATE',
    `${cpusetName(hierarchy, directory)} hands controllers on (${controllers}) and so can hold no tasks itself`,
    { remedy: below.length === 0 ? 'create a cgroup below it' : `name one below it: ${below.slice(0, 8).join(', ')}` },
  );
}

/** What cpusets amount to: a cgroup without a list of its own has that of the nearest one above it. */
import { type Host, readIfThere } from '../host.js';
import type { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { parentOf } from './cpuset.js';
import type { CpusetHierarchy } from './mounts.js';
import { readTopology } from './topology.js';

/** Which of a cpuset's two lists: of CPUs, or of memory nodes. */
export const LISTS = ['cpus', 'mems'] as const;
export type List = (typeof LISTS)[number];

/** Tells for each cgroup the CPUs or nodes that it really has; reads each file once. */
export function effectiveLists(host: Host, hierarchy: CpusetHierarchy, list: List): (directory: string) => Bitmap {
  const file = effectiveFile(hierarchy, list);
  const known = new Map<string, Bitmap>();
  const read = (directory: string): Bitmap => {
    const path = `${directory}/${file}`;
    const text = readIfThere(host, path);
    if (text !== undefined) return parseList(text, path);
    if (directory !== hierarchy.mountPoint) return effective(parentOf(directory));
    const { online, nodes } = readTopology(host);
    return list === 'cpus' ? online : nodes.memory;
  };
  const effective = (directory: string): Bitmap => {
    const found = known.get(directory) ?? read(directory);
    known.set(directory, found);
    return found;
  };
  return effective;
}

/** The cgroup whose cpuset a cgroup is in: itself, or the nearest one above it that has the controller. */
export function cpusetOf(host: Host, hierarchy: CpusetHierarchy, directory: string): string {
  const isOwn = readIfThere(host, `${directory}/${effectiveFile(hierarchy, 'cpus')}`) !== undefined;
  return isOwn || directory === hierarchy.mountPoint ? directory : cpusetOf(host, hierarchy, parentOf(directory));
}

function effectiveFile({ version, prefix }: CpusetHierarchy, list: List): string {
  return version === 1 ? `${prefix}effective_${list}` : `cpuset.${list}.effective`;
}

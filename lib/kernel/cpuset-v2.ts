/** The cpuset controller of cgroup v2 (cgroup-v2.rst, "Controllers" and "Cpuset"). */
import { VfioIsolateError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';
import { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { childrenOf, cpusetName, parentOf } from './cpuset.js';
import { writeFile } from './door.js';
import { effectiveLists, LISTS, type List } from './effective.js';
import { type CpusetHierarchy, findCpusets } from './mounts.js';
import { readTopology } from './topology.js';

/** Whether a cgroup has cpuset files depends on the cgroup above it: on whether its subtree_control lists cpuset. */
export function handsOn(host: Host, directory: string): boolean {
  return words(readIfThere(host, `${directory}/cgroup.subtree_control`)).includes('cpuset');
}

/** Has a cgroup hand the controller on to those below it, or keep it. @throws SystemError */
export function setHandsOn(host: Host, directory: string, on: boolean): void {
  writeFile(host, `${directory}/cgroup.subtree_control`, on ? '+cpuset' : '-cpuset');
}

/** The CPUs or nodes that a cgroup really has: its own, or those of the nearest one above that has the controller. */
export function effectiveList(host: Host, hierarchy: CpusetHierarchy, directory: string, list: List): Bitmap {
  return effectiveLists(host, hierarchy, list)(directory);
}

/** The cgroup and the list that a file of version 2 is of, if it is one. */
export function listAt(host: Host, path: string): { directory: string; list: List } | undefined {
  const list = LISTS.find((name) => path.endsWith(`/cpuset.${name}`));
  return list === undefined || findCpusets(host).version === 1 ? undefined : { directory: parentOf(path), list };
}

/** What the cgroup above one really has. */
export function effectiveAbove(host: Host, hierarchy: CpusetHierarchy, directory: string, list: List): Bitmap {
  return effectiveList(host, hierarchy, parentOf(directory), list);
}

/**
 * What an empty list of this cgroup amounts to, now and once CPUs that are offline come back: a list of its own outlasts
 * hotplug, and would keep the cgroup from those that it leaves out.
 */
export function inheritedList(host: Host, hierarchy: CpusetHierarchy, directory: string, list: List): Bitmap {
  const now = effectiveAbove(host, hierarchy, directory, list);
  if (list === 'mems') return now;
  const { present, online } = readTopology(host);
  const claimed = cgroupsBeside(host, hierarchy, directory).map((path) => exclusiveCpus(host, path));
  const granted = grantedCpus(host, hierarchy, parentOf(directory), present).minus(online);
  return now.union(claimed.reduce((left, cpus) => left.minus(cpus), granted));
}

/** Of the CPUs that are present, those that the lists of a cgroup and of those above it come down to, were all online. */
function grantedCpus(host: Host, hierarchy: CpusetHierarchy, directory: string, present: Bitmap): Bitmap {
  if (!isBelowRoot(hierarchy, directory)) return present;
  const above = grantedCpus(host, hierarchy, parentOf(directory), present);
  const own = above.intersect(readList(host, `${directory}/cpuset.cpus`));
  return own.isEmpty ? above : own;
}

/**
 * The kernel takes any list, and where nothing of it can be had it lets the tasks run wherever those above may.
 * @throws VfioIsolateError `ERR_NOT_HELD`
 */
export function requireEffective(host: Host, hierarchy: CpusetHierarchy, directory: string, list: List): void {
  const asked = readList(host, `${directory}/cpuset.${list}`);
  const held = effectiveList(host, hierarchy, directory, list);
  if (asked.isEmpty || held.isSubsetOf(asked)) return;
  const name = cpusetName(hierarchy, directory);
  const above = effectiveAbove(host, hierarchy, directory, list);
  throw new VfioIsolateError('ERR_NOT_HELD', `${name} was given ${list} ${asked} but has ${held}`, {
    remedy: `the cgroup above it has only ${above}: widen that first, or choose among them`,
  });
}

/** A partition beside a cgroup, or beside one above it, that an explicit list with some of its CPUs would invalidate. */
export function partitionInTheWay(
  host: Host,
  hierarchy: CpusetHierarchy,
  directory: string,
  cpus: Bitmap,
): string | undefined {
  const partitions = cgroupsBeside(host, hierarchy, directory).filter((path) => isPartition(host, path));
  return partitions.find((path) => partitionCpus(host, path).overlaps(cpus));
}

/** The cgroups beside one, and beside those above it. */
function cgroupsBeside(host: Host, hierarchy: CpusetHierarchy, directory: string): string[] {
  if (!isBelowRoot(hierarchy, directory)) return [];
  const parent = parentOf(directory);
  const beside = childrenOf(host, parent).filter((path) => path !== directory);
  return [...beside, ...cgroupsBeside(host, hierarchy, parent)];
}

/** Not so for what a second mount of the hierarchy shows, whatever its place there. */
const isBelowRoot = ({ mountPoint }: CpusetHierarchy, directory: string) => directory.startsWith(`${mountPoint}/`);

/** Whether a cgroup is the root of a valid partition. */
export function isPartition(host: Host, directory: string): boolean {
  const state = readIfThere(host, `${directory}/cpuset.cpus.partition`);
  return state === 'root' || state === 'isolated';
}

/**
 * The CPUs that a cgroup asks to have alone. A partition may be invalid while its CPUs are offline; it is valid again once
 * they are back, unless a list beside it overlaps its own by then. A member may be the way to one further down.
 */
function exclusiveCpus(host: Host, directory: string): Bitmap {
  const state = readIfThere(host, `${directory}/cpuset.cpus.partition`) ?? 'member';
  const exclusive = readList(host, `${directory}/cpuset.cpus.exclusive`);
  return state === 'member' ? exclusive : exclusive.union(partitionCpus(host, directory));
}

function partitionCpus(host: Host, directory: string): Bitmap {
  const lists = ['cpuset.cpus.exclusive.effective', 'cpuset.cpus'].map((file) =>
    readList(host, `${directory}/${file}`),
  );
  return lists.reduce((all, list) => all.union(list), Bitmap.empty);
}

/** The list in a file; empty where that is not there. */
function readList(host: Host, path: string): Bitmap {
  return parseList(readIfThere(host, path) ?? '', path);
}

/** The cgroups below one that make use of the controller: their settings would be lost with it. */
export function usersOfController(host: Host, directory: string): string[] {
  const hierarchy = findCpusets(host);
  return childrenOf(host, directory).filter((child) => {
    const partition = readIfThere(host, `${child}/cpuset.cpus.partition`) ?? 'member';
    const exclusive = readIfThere(host, `${child}/cpuset.cpus.exclusive`) ?? '';
    if (handsOn(host, child) || partition !== 'member' || exclusive !== '') return true;
    return (['cpus', 'mems'] as const).some((list) => {
      const own = readList(host, `${child}/cpuset.${list}`);
      return !own.isEmpty && !effectiveList(host, hierarchy, directory, list).isSubsetOf(own);
    });
  });
}

const words = (text: string | undefined) => (text ?? '').split(/\s+/).filter(Boolean);

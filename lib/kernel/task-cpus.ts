/** A task's CPUs: those that it may run on, and those that its cpuset would let it. */
import type { Host } from '../host.js';
import type { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { cpusetOf, effectiveLists } from './effective.js';
import { cpusetsIfAny } from './mounts.js';
import { askedCpus, cgroupOf, statusFile, type TaskStatus, taskStatus } from './tasks.js';
import { readTopology } from './topology.js';

/** A cpulist, or null for all: nothing but its cpuset restricts the task. */
export type Cpus = string | null;

export interface SeenTask extends TaskStatus {
  readonly tid: number;
  /** Those that it may run on, offline ones too. */
  readonly cpus: Bitmap;
  /** Those that its cpuset allows. */
  readonly allowed: Bitmap;
  /** Whether it is in the root cpuset, or there are none. */
  readonly inRoot: boolean;
}

/** Looks at tasks of a host, one by one. @returns undefined for one that has exited */
export function taskViewer(host: Host): (tid: number) => SeenTask | undefined {
  const allowed = allowedByCgroup(host);
  const hierarchy = cpusetsIfAny(host);
  const groupOf = (tid: number) => (hierarchy === undefined ? '' : cgroupOf(host, tid));
  const isRoot = once(
    (cgroup) => hierarchy === undefined || cpusetOf(host, hierarchy, cgroup) === hierarchy.mountPoint,
  );
  return (tid) => {
    const [status, asked, cgroup] = [taskStatus(host, tid), askedCpus(host, tid), groupOf(tid)];
    if (status === undefined || asked === undefined || cgroup === undefined) return undefined;
    const [cpus, inRoot] = [parseList(asked, statusFile(host, tid)), isRoot(cgroup)];
    return { tid, ...status, cpus, allowed: allowed(cgroup), inRoot };
  };
}

/** Remembers what it was told of each cgroup. */
function once<T>(look: (cgroup: string) => T): (cgroup: string) => T {
  const known = new Map<string, T>();
  return (cgroup) => {
    const found = known.get(cgroup) ?? look(cgroup);
    known.set(cgroup, found);
    return found;
  };
}

/** The CPUs that a task has of its own: null where it has all that its cpuset allows. */
export function ownCpus({ cpus, allowed }: SeenTask): Cpus {
  return allowed.isSubsetOf(cpus) ? null : cpus.toString();
}

/** Whether a task has just these CPUs, as far as its cpuset allows. */
export function hasCpus({ cpus, allowed }: SeenTask, wanted: Cpus): boolean {
  if (wanted === null) return allowed.isSubsetOf(cpus);
  const set = parseList(wanted);
  return cpus.equals(set) || cpus.equals(set.intersect(allowed));
}

/** The CPUs that the cpuset of a cgroup allows: its own, or the nearest one's above it that has the controller. */
export function allowedByCgroup(host: Host): (cgroup: string) => Bitmap {
  const hierarchy = cpusetsIfAny(host);
  if (hierarchy === undefined) {
    const { online } = readTopology(host);
    return () => online;
  }
  return effectiveLists(host, hierarchy, 'cpus');
}

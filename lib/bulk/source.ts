/** Which tasks a bulk call is about, as a program says it and as the addon takes it. */
import { UsageError } from '../errors.js';
import type { Host } from '../host.js';
import { cpusetDirectory } from '../kernel/cpuset.js';
import type { PlacedHierarchy } from '../kernel/door.js';
import { readTopology } from '../kernel/topology.js';
import type { SelectRequest } from '../native.js';
import { Bitmap } from '../sets/bitmap.js';

/**
 * What tasks must be: all that is given holds. What is not given costs nothing, as no file is read for it: a name costs
 * /proc/TID/comm, `kernelThread` /proc/TID/stat, a user /proc/TID/status, CPUs a system call.
 */
export interface TaskFilter {
  /** Only those in this cgroup of the cpusets' hierarchy: `/` is its root, `/a/b` a cgroup in a cgroup. */
  readonly cgroup?: string;
  /** The name (`comm`, at most 15 bytes) is one of these. */
  readonly name?: string | readonly string[];
  /** The name begins with one of these. Where `name` is given as well, either will do. */
  readonly nameStartsWith?: string | readonly string[];
  /** The effective user ID. */
  readonly user?: number;
  /** Whether it is a kernel thread. */
  readonly kernelThread?: boolean;
  /** Of the online CPUs it may run on just these: sched_getaffinity(2), within its cpuset. */
  readonly affinity?: Iterable<number>;
  /** It may run on one of these at least. */
  readonly mayRunOn?: Iterable<number>;
  /** Each thread is looked at for itself. Else a process is what its first thread is. */
  readonly threads?: boolean;
}

/** All tasks of a cgroup, those with these TIDs, or those that a filter selects. */
export type TaskSource =
  | { readonly cgroup: string }
  | {
      readonly tids: Iterable<number>;
      /** Each TID stands for one thread. Else for its whole process. */
      readonly threads?: boolean;
    }
  | { readonly filter: TaskFilter };

/** The largest TID there can be (PID_MAX_LIMIT is 2^22; the kernel's type is an int). */
const TID_MAX = 0x7fff_ffff;

/** @throws UsageError for what cannot be a TID */
export function tidsOf(tids: Iterable<number>): Int32Array {
  const list = [...tids];
  for (const tid of list) {
    if (!Number.isInteger(tid) || tid < 1 || tid > TID_MAX) throw new UsageError(`${String(tid)} is no TID`);
  }
  return Int32Array.from(list);
}

/** Path of a cgroup below its hierarchy, '' for the root. @throws UsageError for a name that no cgroup can have */
export function relativePath(hierarchy: PlacedHierarchy, name: string): string {
  return cpusetDirectory(hierarchy, name).slice(hierarchy.mountPoint.length + 1);
}

/** The members of a request that a filter stands for. @throws UsageError */
export function filterMembers(host: Host, filter: TaskFilter): Omit<SelectRequest, 'control' | 'hierarchy' | 'list'> {
  const { name, nameStartsWith, user, kernelThread, affinity, mayRunOn, threads } = filter;
  if (user !== undefined && !(Number.isInteger(user) && user >= 0 && user <= 0xffff_ffff)) {
    throw new UsageError(`${String(user)} is no user ID`);
  }
  return {
    proc: host.proc,
    threads: threads ?? false,
    ...(name !== undefined && { names: listOf(name) }),
    ...(nameStartsWith !== undefined && { prefixes: listOf(nameStartsWith) }),
    ...(user !== undefined && { uid: user }),
    ...(kernelThread !== undefined && { kernelThread }),
    ...(affinity !== undefined && { affinity: onlineOf(host, affinity) }),
    ...(mayRunOn !== undefined && { mayRunOn: onlineOf(host, mayRunOn) }),
  };
}

/** The list of a cgroup: of its threads or, of processes, of those that have some thread in it. */
export function listPath({ version }: PlacedHierarchy, relative: string, threads: boolean): string {
  const list = !threads ? 'cgroup.procs' : version === 1 ? 'tasks' : 'cgroup.threads';
  return relative === '' ? list : `${relative}/${list}`;
}

function listOf(names: string | readonly string[]): readonly string[] {
  const list = typeof names === 'string' ? [names] : names;
  if (list.length === 0) throw new UsageError('a list of task names is empty');
  return list;
}

/** A task's mask has online CPUs only. */
function onlineOf(host: Host, cpus: Iterable<number>): Uint8Array {
  const asked = Bitmap.of(cpus);
  const online = asked.intersect(readTopology(host).online);
  if (online.isEmpty) throw new UsageError(`no CPU of ${JSON.stringify(asked.toString())} is online`);
  return online.toBytes();
}

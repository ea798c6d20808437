/** The CPU affinity masks of tasks (sched_setaffinity(2)). */
import { type Host, listIfThere, readIfThere } from '../host.js';
import { type AffinityResult, type Control, native, newControl } from '../native.js';
import { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { parentOf } from './cpuset.js';
import { findCpusets } from './mounts.js';
import { cgroupOf, type TaskId, taskStatus } from './tasks.js';
import { readTopology } from './topology.js';

/** A task by name, and its CPUs as a cpulist. */
export type TaskMask = readonly [tid: number, start: number, cpus: string];

/**
 * Whether the kernel remembers a task's own mask across changes of its cpuset. Before 6.2 a cpuset change, a move, and
 * even enabling the controller overwrote it.
 */
export function remembersMasks(host: Host): boolean {
  const [major = 0, minor = 0] = host.read(`${host.proc}/sys/kernel/osrelease`).split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 2);
}

/** The CPUs that a thread may run on, ascending; TID 0 is the calling one. @throws SystemError `ESRCH` */
export function getAffinity(tid: number): number[] {
  return [...Bitmap.fromBytes(native().getAffinity(tid))];
}

/**
 * Has a thread run on these CPUs alone, as far as its cpuset allows; TID 0 is the calling one. Nothing is recorded.
 * @throws SystemError `ESRCH`, `EPERM`, `EINVAL` (none of the CPUs is online and in its cpuset); RangeError
 */
export function setAffinity(tid: number, cpus: Iterable<number>): void {
  native().setAffinity(tid, Bitmap.of(cpus).toBytes());
}

/** The masks that tasks have of their own: narrower than what their cpuset allows. */
export async function ownMasks(host: Host): Promise<TaskMask[]> {
  const { online } = readTopology(host);
  const allowed = allowedByCgroup(host);
  const tids = allTids(host);
  const masks = await masksOf(tids);
  return tids.flatMap((tid, index): TaskMask[] => {
    const mask = masks[index];
    // The cpuset is looked up only where something narrows the task at all.
    if (mask === undefined || online.isSubsetOf(mask)) return [];
    const [cgroup, status] = [cgroupOf(host, tid), taskStatus(host, tid)];
    if (cgroup === undefined || status === undefined || allowed(cgroup).isSubsetOf(mask)) return [];
    return [[tid, status.start, mask.toString()]];
  });
}

/** The CPUs that the cpuset of a cgroup allows: its own, or the nearest one's above it that has the controller. */
function allowedByCgroup(host: Host): (cgroup: string) => Bitmap {
  const hierarchy = findCpusets(host);
  const file = hierarchy.version === 1 ? `${hierarchy.prefix}effective_cpus` : 'cpuset.cpus.effective';
  const known = new Map<string, Bitmap>();
  const allowed = (cgroup: string): Bitmap => {
    const found = known.get(cgroup) ?? readAllowed(cgroup);
    known.set(cgroup, found);
    return found;
  };
  const readAllowed = (cgroup: string): Bitmap => {
    const text = readIfThere(host, `${cgroup}/${file}`);
    if (text !== undefined) return parseList(text);
    return cgroup === hierarchy.mountPoint ? readTopology(host).online : allowed(parentOf(cgroup));
  };
  return allowed;
}

/** Gives tasks these masks, where they live still and have another one. */
export async function setMasks(host: Host, wanted: readonly TaskMask[], control: Control): Promise<AffinityResult> {
  const present = await masksOf(wanted.map(([tid]) => tid));
  const differing = wanted.filter(([tid, start, cpus], index) => {
    const mask = present[index];
    return mask !== undefined && mask.toString() !== cpus && isSame(host, [tid, start]);
  });
  const tids = Int32Array.from(differing, ([tid]) => tid);
  const { size, rows } = columns(differing);
  return native().setAffinities(tids, rows, size, host.proc, control);
}

function isSame(host: Host, [tid, start]: TaskId): boolean {
  return taskStatus(host, tid)?.start === start;
}

function allTids(host: Host): number[] {
  const pids = host.list(host.proc).filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => (listIfThere(host, `${host.proc}/${pid}/task`) ?? []).map(Number));
}

async function masksOf(tids: readonly number[]): Promise<(Bitmap | undefined)[]> {
  const { size, masks, errors } = await native().getAffinities(Int32Array.from(tids), newControl());
  return tids.map((_, row) =>
    errors[row] === 0 ? Bitmap.fromBytes(masks.subarray(row * size, (row + 1) * size)) : undefined,
  );
}

/** Rows of equal length, as the addon takes them. */
function columns(wanted: readonly TaskMask[]): { size: number; rows: Uint8Array } {
  const sets = wanted.map(([, , cpus]) => parseList(cpus).toBytes());
  const size = Math.max(1, ...sets.map(({ length }) => length));
  const rows = new Uint8Array(size * sets.length);
  for (const [row, set] of sets.entries()) rows.set(set, row * size);
  return { size, rows };
}

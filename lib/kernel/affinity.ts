/** The CPU affinity masks of tasks (sched_setaffinity(2)). */
import { isSystemError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { type AffinityResult, type Control, native, newControl, type Refusal } from '../native.js';
import { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { isFixed } from './kernel-threads.js';
import { findCpusets } from './mounts.js';
import { BATCH, newPace } from './pace.js';
import { allowedByCgroup, type Cpus, ownCpus, taskViewer } from './task-cpus.js';
import { allPids, askedCpus, cgroupOf, statusFile, taskStatus, threadsBelow, threadsOf } from './tasks.js';
import { readTopology } from './topology.js';

/** A task by name, and its CPUs as a cpulist. */
export type TaskMask = readonly [tid: number, start: number, cpus: string];

/**
 * Whether the kernel remembers a mask that was set (sched_setaffinity) across changes of the task's cpuset. Before 6.2 a
 * cpuset change, a move, and even enabling the controller overwrote it; a mask that the kernel itself gave, as with
 * isolcpus=, it remembers nowhere.
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

/** The online CPUs that a thread may run on, without a turn of the event loop; undefined for one that has exited. */
export function maskNow(tid: number): Bitmap | undefined {
  return unlessGone(() => Bitmap.fromBytes(native().getAffinity(tid)));
}

/** Sets them likewise. @returns whether the thread was still there @throws SystemError */
export function setMaskNow(tid: number, cpus: Bitmap): boolean {
  const set = () => {
    native().setAffinity(tid, cpus.toBytes());
    return true;
  };
  return unlessGone(set) ?? false;
}

function unlessGone<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (isSystemError(error, 'ESRCH')) return undefined;
    throw error;
  }
}

/**
 * The masks of those of these tasks that have not all that their cpuset allows. Kernel threads whose mask nobody may set
 * are left out.
 */
export async function ownMasks(host: Host, tids: readonly number[]): Promise<TaskMask[]> {
  const { online } = readTopology(host);
  const allowed = allowedByCgroup(host);
  const masks = await masksOf(host, tids);
  const own: TaskMask[] = [];
  const pace = newPace();
  for (const [index, tid] of tids.entries()) {
    const mask = masks[index];
    // Files are read of what something narrows at all, and all three of what its cpuset alone does not explain.
    if (mask === undefined || online.isSubsetOf(mask)) continue;
    await pace();
    const cgroup = cgroupOf(host, tid);
    if (cgroup === undefined || allowed(cgroup).isSubsetOf(mask)) continue;
    const [status, asked] = [taskStatus(host, tid), askedCpus(host, tid)];
    if (status !== undefined && asked !== undefined && !isFixed(status)) own.push([tid, status.start, asked]);
  }
  return own;
}

/** Those of these tasks that live still and show other online CPUs. */
export async function changedMasks(host: Host, tasks: readonly TaskMask[]): Promise<TaskMask[]> {
  const { online } = readTopology(host);
  const before = new Map(
    [...new Set(tasks.map(([, , cpus]) => cpus))].map((cpus) => [cpus, parseList(cpus).intersect(online)]),
  );
  const masks = await masksOf(
    host,
    tasks.map(([tid]) => tid),
  );
  return tasks.filter(([, , cpus], index) => {
    const [mask, was] = [masks[index], before.get(cpus)];
    return mask !== undefined && was !== undefined && !mask.intersect(online).equals(was);
  });
}

/**
 * Those of these masks that the kernel has forgotten for certain: the task has all of its cpuset, and its mask a part of
 * that. Of one that has all of it, or nothing, what the task shows tells nothing.
 */
export function forgottenMasks(host: Host, masks: readonly TaskMask[]): TaskMask[] {
  const see = taskViewer(host);
  return masks.filter(([tid, start, cpus]) => {
    const task = see(tid);
    if (task === undefined || task.start !== start || ownCpus(task) !== null) return false;
    const mask = parseList(cpus);
    return mask.overlaps(task.allowed) && !task.allowed.isSubsetOf(mask);
  });
}

/** Those of these tasks whose mask is exactly that. */
export async function tasksWithMask(host: Host, tids: readonly number[], cpus: Bitmap): Promise<number[]> {
  const masks = await masksOf(host, tids);
  return tids.filter((_, index) => masks[index]?.equals(cpus));
}

/** What these tasks ask for now; gone ones are left out. */
export function masksNow(host: Host, tasks: readonly TaskMask[]): TaskMask[] {
  return tasks.flatMap(([tid, start]): TaskMask[] => {
    const asked = askedCpus(host, tid);
    return asked === undefined || taskStatus(host, tid)?.start !== start ? [] : [[tid, start, asked]];
  });
}

/**
 * Gives tasks these CPUs, those that live still, with a turn of the event loop now and then.
 * @param wanted null stands for all CPUs: from 6.2 on the kernel keeps the mask that was set, and intersects it with
 * every later cpuset
 * @throws VfioIsolateError for a tree that stands in for a host: its tasks are none of this one's
 */
export async function setMasks(
  host: Host,
  wanted: readonly (readonly [tid: number, start: number, cpus: Cpus])[],
  control: Control,
): Promise<AffinityResult> {
  if (wanted.length > 0 && !host.live) throw new VfioIsolateError('ERR_STATE', `${host.proc} has no tasks to be set`);
  const all = readTopology(host).possible.toString();
  const sum = { done: 0, gone: 0, cancelled: false, refused: [] as Refusal[] };
  for (let first = 0; first < wanted.length && !sum.cancelled; first += BATCH) {
    const batch = wanted.slice(first, first + BATCH);
    const living = batch.filter(([tid, start]) => taskStatus(host, tid)?.start === start);
    const { size, rows } = columns(living.map(([, , cpus]) => cpus ?? all));
    const tids = Int32Array.from(living, ([tid]) => tid);
    const result = await native().setAffinities(tids, rows, size, host.proc, control);
    sum.done += result.done;
    sum.gone += result.gone + batch.length - living.length;
    sum.cancelled = result.cancelled;
    for (const refusal of result.refused) sum.refused.push(refusal);
  }
  return sum;
}

/** The threads in a cgroup and in those below it: of the root, all that there are. */
export function threadsWithin(host: Host, directory: string): number[] {
  return directory === findCpusets(host).mountPoint ? allTids(host) : threadsBelow(host, directory);
}

/** Every thread of every process. */
export function allTids(host: Host): number[] {
  return allPids(host).flatMap((pid) => threadsOf(host, pid));
}

/** The online CPUs that tasks may run on, in the order of their TIDs; undefined for one that has exited. */
export async function masksOf(host: Host, tids: readonly number[]): Promise<(Bitmap | undefined)[]> {
  if (!host.live) return tids.map((tid) => maskOf(host, tid));
  const { size, masks, errors } = await native().getAffinities(Int32Array.from(tids), newControl());
  return tids.map((_, row) =>
    errors[row] === 0 ? Bitmap.fromBytes(masks.subarray(row * size, (row + 1) * size)) : undefined,
  );
}

function maskOf(host: Host, tid: number): Bitmap | undefined {
  const list = askedCpus(host, tid);
  return list === undefined ? undefined : parseList(list, statusFile(host, tid));
}

/** Rows of equal length, as the addon takes them. */
function columns(lists: readonly string[]): { size: number; rows: Uint8Array } {
  const sets = new Map([...new Set(lists)].map((list) => [list, parseList(list).toBytes()]));
  const size = Math.max(1, ...[...sets.values()].map(({ length }) => length));
  const rows = new Uint8Array(size * lists.length);
  for (const [row, list] of lists.entries()) rows.set(sets.get(list) ?? [], row * size);
  return { size, rows };
}

/** The CPU affinity masks of tasks (sched_setaffinity(2)). */
import { isSystemError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { type AffinityResult, type Control, native, newControl, type Refusal } from '../native.js';
import { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { isFixed } from './kernel-threads.js';
import { BATCH, newPace } from './pace.js';
import { allowedByCgroup, type Cpus } from './task-cpus.js';
import { allPids, askedCpus, cgroupOf, statusFile, taskStatus, threadsOf } from './tasks.js';
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
 * The masks that tasks have of their own: other than what their cpuset allows. Kernel threads whose mask nobody may set
 * are left out.
 */
export async function ownMasks(host: Host): Promise<TaskMask[]> {
  const { online } = readTopology(host);
  const allowed = allowedByCgroup(host);
  const tids = allTids(host);
  const masks = await masksOf(host, tids);
  const own: TaskMask[] = [];
  const pace = newPace();
  for (const [index, tid] of tids.entries()) {
    const mask = masks[index];
    // The cpuset is looked up only where something narrows the task at all.
    if (mask === undefined || online.isSubsetOf(mask)) continue;
    await pace();
    const [cgroup, status, asked] = [cgroupOf(host, tid), taskStatus(host, tid), askedCpus(host, tid)];
    if (cgroup === undefined || status === undefined || asked === undefined) continue;
    if (!isFixed(status) && !allowed(cgroup).isSubsetOf(mask)) own.push([tid, status.start, asked]);
  }
  return own;
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
 * Those of these tasks whose present mask is nobody's choice: what their cpuset allows, or what it was left at.
 * @param left by TID, as a cpulist
 */
export function unchosen(host: Host, tasks: readonly TaskMask[], left: ReadonlyMap<number, string>): TaskMask[] {
  const allowed = allowedByCgroup(host);
  return tasks.filter(([tid]) => {
    const [asked, cgroup] = [askedCpus(host, tid), cgroupOf(host, tid)];
    if (asked === undefined || cgroup === undefined) return false;
    return asked === left.get(tid) || allowed(cgroup).isSubsetOf(parseList(asked, statusFile(host, tid)));
  });
}

/** Those of these tasks that live still and have another mask. */
export function differing(host: Host, wanted: readonly TaskMask[]): TaskMask[] {
  return wanted.filter(([tid, start, cpus]) => {
    const asked = askedCpus(host, tid);
    return asked !== undefined && asked !== cpus && taskStatus(host, tid)?.start === start;
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

/** The CPU affinity masks of tasks (sched_setaffinity(2)). */
import { setImmediate as breathe } from 'node:timers/promises';
import { type Host, listIfThere, readIfThere } from '../host.js';
import { type AffinityResult, type Control, native, newControl } from '../native.js';
import { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { parentOf } from './cpuset.js';
import { findCpusets } from './mounts.js';
import { askedCpus, cgroupOf, PF_NO_SETAFFINITY, taskStatus } from './tasks.js';
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

/** Tasks looked at between two turns of the event loop: a signal must be seen within 100 ms. */
const BATCH = 100;

/**
 * The masks that tasks have of their own: other than what their cpuset allows. Kernel threads whose mask nobody may set
 * are left out.
 */
export async function ownMasks(host: Host): Promise<TaskMask[]> {
  const { online } = readTopology(host);
  const allowed = allowedByCgroup(host);
  const tids = allTids(host);
  const masks = await masksOf(tids);
  const own: TaskMask[] = [];
  let looked = 0;
  for (const [index, tid] of tids.entries()) {
    const mask = masks[index];
    // The cpuset is looked up only where something narrows the task at all.
    if (mask === undefined || online.isSubsetOf(mask)) continue;
    if (++looked % BATCH === 0) await breathe();
    const [cgroup, status, asked] = [cgroupOf(host, tid), taskStatus(host, tid), askedCpus(host, tid)];
    if (cgroup === undefined || status === undefined || asked === undefined) continue;
    if ((status.flags & PF_NO_SETAFFINITY) === 0 && !allowed(cgroup).isSubsetOf(mask))
      own.push([tid, status.start, asked]);
  }
  return own;
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
    return asked === left.get(tid) || allowed(cgroup).isSubsetOf(parseList(asked));
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
  const differing = wanted.filter(([tid, start, cpus]) => {
    const asked = askedCpus(host, tid);
    return asked !== undefined && asked !== cpus && taskStatus(host, tid)?.start === start;
  });
  const tids = Int32Array.from(differing, ([tid]) => tid);
  const { size, rows } = columns(differing);
  return native().setAffinities(tids, rows, size, host.proc, control);
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

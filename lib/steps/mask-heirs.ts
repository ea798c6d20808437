/**
 * Tasks born while a cpuset was narrowed, in it or on the way to it: the kernel gave them all of it, and gives them all
 * of what it is widened to. They get the mask that they would have inherited, that of the nearest ancestor which is older.
 */
import type { Host } from '../host.js';
import { masksOf, remembersMasks, type TaskMask, threadsWithin } from '../kernel/affinity.js';
import { stays } from '../kernel/kernel-threads.js';
import { type Ancestor, Lineage } from '../kernel/lineage.js';
import { newPace } from '../kernel/pace.js';
import { ownCpus, type SeenTask, taskViewer } from '../kernel/task-cpus.js';
import { isDead, processOf, taskKey, taskStatus } from '../kernel/tasks.js';
import { isolatedAtBoot, readTopology } from '../kernel/topology.js';
import type { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';

export interface Known {
  /** Where tasks may have been born, and since when: directories of cgroups, with all below them. */
  readonly births: ReadonlyMap<string, number>;
  /** Masks that the kernel has forgotten. */
  readonly lost: readonly TaskMask[];
  /** What our steps left tasks with, by TID. */
  readonly left: ReadonlyMap<number, string>;
  /** Tasks that need nothing: those on record, and those that have been given theirs. */
  readonly given: ReadonlySet<string>;
}

/** What a task would have inherited, and from whom. */
interface Legacy {
  readonly pid: number;
  readonly cpus: string;
}

/** Ancestors come first. */
export async function maskHeirs(host: Host, known: Known): Promise<TaskMask[]> {
  if (known.births.size === 0) return [];
  const mayLack = wideEnough(host, known);
  if (mayLack === undefined) return [];
  const see = taskViewer(host);
  const lineage = new Lineage(host);
  const lost = new Map(known.lost.map(([tid, start, cpus]) => [taskKey(tid, start), cpus]));
  const heirs = new Map<number, TaskMask>();
  const pace = newPace();
  for (const [place, began] of known.births) {
    const tids = threadsWithin(host, place);
    const masks = await masksOf(host, tids);
    const legacyOf = (task: SeenTask) =>
      legacy(lineage.ancestors(processOf(host, task.tid) ?? task.tid, task.tid, task.ppid), { host, lost, began, see });
    for (const [index, tid] of tids.entries()) {
      const mask = masks[index];
      if (mask === undefined || heirs.has(tid) || !mayLack(mask)) continue;
      await pace();
      const status = taskStatus(host, tid);
      if (status === undefined || status.start < began || known.given.has(taskKey(tid, status.start))) continue;
      const task = see(tid);
      if (task === undefined || isDead(task) || stays(task)) continue;
      const found = legacyOf(task);
      if (found === undefined) continue;
      const inherited = parseList(found.cpus);
      // Before 6.2 it has what its ancestor had meanwhile, since that was kept while all was undone.
      const isLost = ownCpus(task) === null || task.cpus.toString() === known.left.get(found.pid);
      const isLess = inherited.overlaps(task.allowed) && !inherited.intersect(task.allowed).equals(task.cpus);
      if (isLost && isLess) heirs.set(tid, [tid, task.start, found.cpus]);
    }
  }
  return [...heirs.values()].sort(([a, born], [b, bornOther]) => born - bornOther || a - b);
}

/**
 * Whether a task with this mask has CPUs that some mask to be given lacks: few do, so that few files are read. Undefined if
 * none is to be given.
 */
function wideEnough(host: Host, { lost }: Known): ((mask: Bitmap) => boolean) | undefined {
  const isolated = isolatedAtBoot(host);
  if (lost.length === 0 && isolated.isEmpty) return undefined;
  if (!remembersMasks(host)) return () => true;
  const lists = [...new Set(lost.map(([, , cpus]) => cpus))].map((cpus) => parseList(cpus));
  return (mask) => mask.overlaps(isolated) || lists.some((list) => !mask.isSubsetOf(list));
}

interface Sight {
  readonly host: Host;
  readonly lost: ReadonlyMap<string, string>;
  readonly began: number;
  readonly see: (tid: number) => SeenTask | undefined;
}

/**
 * What the nearest older ancestor has handed on. One that needed no mask back was either allowed all of its cpuset, or has
 * a mask that the kernel remembers for its children too: then these have chosen theirs. Unless it has just what isolcpus=
 * leaves, which the kernel gave it, and which a child loses on the way to another cgroup.
 */
function legacy(ancestors: Iterable<Ancestor>, { host, lost, began, see }: Sight): Legacy | undefined {
  for (const { pid, start } of ancestors) {
    const cpus = lost.get(taskKey(pid, start));
    if (cpus !== undefined) return { pid, cpus };
    if (start >= began) continue;
    const own = see(pid);
    return own !== undefined && ownCpus(own) !== null && isAsBooted(host, own)
      ? { pid, cpus: own.cpus.toString() }
      : undefined;
  }
  return undefined;
}

/** Whether a task may run on all that is online and not isolated at boot. */
function isAsBooted(host: Host, { cpus, allowed }: SeenTask): boolean {
  return readTopology(host).online.intersect(allowed).minus(cpus).isSubsetOf(isolatedAtBoot(host));
}

/**
 * Tasks that are on no record and have the CPUs of one that is: they were born since and inherited them. Threads inherit
 * from their process, processes from their parent, and from some release between 6.1 and 6.12 on kernel threads from
 * kthreadd; all keep them when the ancestor is given others. A task whose recorded ancestors have all exited is not known
 * as an heir.
 */
import type { Host } from '../../host.js';
import { masksOf } from '../../kernel/affinity.js';
import { stays } from '../../kernel/kernel-threads.js';
import { type Ancestor, Lineage } from '../../kernel/lineage.js';
import { BATCH, newPace } from '../../kernel/pace.js';
import { hasCpus, type SeenTask, taskViewer } from '../../kernel/task-cpus.js';
import { allPids, type TaskId, taskKey, taskStatus, threadsOf } from '../../kernel/tasks.js';
import { readTopology } from '../../kernel/topology.js';
import { breathe } from '../../pause.js';
import type { Bitmap } from '../../sets/bitmap.js';
import { parseList } from '../../sets/list.js';
import type { Touched } from './touched.js';

export interface Heir {
  readonly task: SeenTask;
  /** The nearest recorded ancestor, as it was then. */
  readonly ancestor: Touched;
}

export interface Heirs {
  readonly heirs: readonly Heir[];
  /** Processes of which a thread was listed, but gone when it was looked at: it may have been an heir, and left others. */
  readonly vanished: readonly { readonly process: TaskId; readonly ancestor: Touched }[];
}

export async function findHeirs(host: Host, touched: ReadonlyMap<string, Touched[]>): Promise<Heirs> {
  if (touched.size === 0) return { heirs: [], vanished: [] };
  const mayBeHeir = narrowEnough(host, touched);
  const lineage = new Lineage(host);
  const nearest = (pid: number, tid: number, parent: number) =>
    nearestTouched(lineage.ancestors(pid, tid, parent), touched);
  const see = taskViewer(host);
  const heirs: Heir[] = [];
  const vanished = new Map<number, Heirs['vanished'][number]>();
  const vanish = (pid: number, tid: number) => {
    if (tid === pid || vanished.has(pid)) return;
    const [ancestor, start] = [nearest(pid, tid, pid)?.at(-1), taskStatus(host, pid)?.start];
    if (ancestor !== undefined && start !== undefined) vanished.set(pid, { process: [pid, start], ancestor });
  };
  const pace = newPace();
  for (const pids of batches(allPids(host))) {
    await breathe();
    const threads = pids.flatMap((pid) => threadsOf(host, pid).map((tid) => ({ pid, tid })));
    const masks = await masksOf(
      host,
      threads.map(({ tid }) => tid),
    );
    for (const [index, { pid, tid }] of threads.entries()) {
      const mask = masks[index];
      // Few tasks are left by this, so that few files are read.
      if (mask !== undefined && !mayBeHeir(mask)) continue;
      await pace();
      const status = mask && taskStatus(host, tid);
      if (status === undefined) vanish(pid, tid);
      if (status === undefined || touched.has(taskKey(tid, status.start)) || stays(status)) continue;
      const task = see(tid);
      if (task === undefined) {
        vanish(pid, tid);
        continue;
      }
      const ancestor = asOf(nearest(pid, tid, task.ppid), task.start);
      if (ancestor === undefined || task.start < ancestor.began) continue;
      const hasGiven = (one: SeenTask) => ancestor.given.some((cpus) => hasCpus(one, cpus));
      if (!hasGiven(task) || ancestor.marking([tid, task.start]) !== undefined) continue;
      const { ended } = ancestor;
      const parent = ended !== undefined && ended.at < task.start ? see(ancestor.task[0]) : undefined;
      // Given such CPUs by somebody else since, it had them to pass on.
      if (parent === undefined || parent.start !== ancestor.task[1] || !hasGiven(parent))
        heirs.push({ task, ancestor });
    }
  }
  return { heirs, vanished: [...vanished.values()] };
}

/** How an ancestor was when a task was born, or else was last. */
function asOf(times: readonly Touched[] | undefined, born: number): Touched | undefined {
  return times?.find(({ ended }) => ended === undefined || born <= ended.at) ?? times?.at(-1);
}

/** Whether a mask lies within one that was given to anybody. */
function narrowEnough(host: Host, touched: ReadonlyMap<string, Touched[]>): (mask: Bitmap) => boolean {
  const given = [...new Set([...touched.values()].flatMap((times) => times.flatMap(({ given }) => given)))];
  const all = readTopology(host).possible;
  const sets = given.map((cpus) => (cpus === null ? all : parseList(cpus)));
  return (mask) => sets.some((set) => mask.isSubsetOf(set));
}

/** The recorded task that is nearest: a thread's process, then the parent, its parent, and so on. */
function nearestTouched(ancestors: Iterable<Ancestor>, touched: ReadonlyMap<string, Touched[]>) {
  for (const { pid, start } of ancestors) {
    const found = touched.get(taskKey(pid, start));
    if (found !== undefined) return found;
  }
  return undefined;
}

function* batches(pids: readonly number[]): Generator<number[]> {
  for (let first = 0; first < pids.length; first += BATCH) yield pids.slice(first, first + BATCH);
}

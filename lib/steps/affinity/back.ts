/** Which tasks get which CPUs back when affinity steps are undone. */
import type { Host } from '../../host.js';
import { remembersMasks } from '../../kernel/affinity.js';
import { followsInterrupt, isFixed } from '../../kernel/kernel-threads.js';
import { newPace } from '../../kernel/pace.js';
import { type Cpus, hasCpus, ownCpus, type SeenTask, taskViewer } from '../../kernel/task-cpus.js';
import { isDead, type TaskId } from '../../kernel/tasks.js';
import { findHeirs, type Heirs } from './heirs.js';
import type { Row, Vanishing } from './shape.js';
import { hasWhatWasGiven, isUnchanged, type Touched } from './touched.js';

export interface Back {
  readonly rows: readonly Row[];
  /** Processes of which not all threads can be named. */
  readonly vanishing: readonly Vanishing[];
  /** Tasks that somebody else has set since, and what they had first. */
  readonly foreign: readonly { readonly task: SeenTask; readonly first: Cpus }[];
}

export interface BackOptions {
  /** Also those that somebody else has set since. */
  readonly force: boolean;
  /** They have been given theirs once: only what appeared since is looked for. */
  readonly again: boolean;
}

/** Ancestors come first: what is born while they are given back has its ancestor's first CPUs then. */
export async function planBack(host: Host, all: ReadonlyMap<string, Touched[]>, options: BackOptions): Promise<Back> {
  const touched = changedIn(all);
  const remembered = remembersMasks(host);
  const see = taskViewer(host);
  const rows: Row[] = [];
  const foreign: Back['foreign'][number][] = [];
  const pace = newPace();
  for (const one of heldIn(touched)) {
    await pace();
    const task = seenTask(see, one);
    if (task === undefined) continue;
    const isBack = hasCpus(task, one.first);
    const isOurs = hasWhatWasGiven(task, one, remembered);
    // Whoever gave it other CPUs was the kernel, after us.
    if (isFixed(task) || (followsInterrupt(task) && !isOurs)) continue;
    // A mask that its cpuset hides may still be remembered: so what looks like both is given back once.
    if (isBack && (options.again || !remembered || !isOurs)) continue;
    if (isOurs || options.force) rows.push(rowBack(task, one.first));
    else foreign.push({ task, first: one.first });
  }
  const { heirs, vanished } = await findHeirs(host, touched);
  for (const { task, ancestor } of heirs) {
    if (!(options.again && hasCpus(task, ancestor.first))) rows.push(rowBack(task, ancestor.first));
  }
  return { rows: rows.sort(([a], [b]) => a - b), foreign, vanishing: vanished.flatMap(threadsBack) };
}

/** The tasks that have what they had first, and need not be given it. */
export async function tasksBack(host: Host, all: ReadonlyMap<string, Touched[]>): Promise<TaskId[]> {
  const remembered = remembersMasks(host);
  const see = taskViewer(host);
  const back: TaskId[] = [];
  const pace = newPace();
  for (const one of heldIn(changedIn(all))) {
    await pace();
    const task = seenTask(see, one);
    if (task === undefined || !hasCpus(task, one.first)) continue;
    if (!remembered || !hasWhatWasGiven(task, one, remembered)) back.push(one.task);
  }
  return back;
}

function changedIn(all: ReadonlyMap<string, Touched[]>): Map<string, Touched[]> {
  const changed = [...all].map(([key, times]) => [key, times.filter((one) => !isUnchanged(one))] as const);
  return new Map(changed.filter(([, times]) => times.length > 0));
}

/** Those that were not given back what they had. */
function heldIn(touched: ReadonlyMap<string, Touched[]>): Touched[] {
  return [...touched.values()].flatMap((times) => times.at(-1) ?? []).filter(({ ended }) => ended === undefined);
}

function seenTask(see: (tid: number) => SeenTask | undefined, { task: [tid, start] }: Touched): SeenTask | undefined {
  const task = see(tid);
  return task === undefined || task.start !== start || isDead(task) ? undefined : task;
}

function threadsBack({ process, ancestor: { first, given, began } }: Heirs['vanished'][number]): Vanishing[] {
  const others = [...new Set(given)].filter((cpus) => cpus !== first);
  return others.map((from) => ({ process, since: began, from, to: first }));
}

const rowBack = (task: SeenTask, first: Cpus): Row => [task.tid, task.start, ownCpus(task), first];

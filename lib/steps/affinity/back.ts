/** Which tasks get which CPUs back when affinity steps are undone. */
import type { Host } from '../../host.js';
import { remembersMasks } from '../../kernel/affinity.js';
import { followsInterrupt, isFixed } from '../../kernel/kernel-threads.js';
import { newPace } from '../../kernel/pace.js';
import { type Cpus, hasCpus, ownCpus, type SeenTask, taskViewer } from '../../kernel/task-cpus.js';
import { isDead } from '../../kernel/tasks.js';
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
export async function planBack(host: Host, all: ReadonlyMap<string, Touched>, options: BackOptions): Promise<Back> {
  const touched = new Map([...all].filter(([, one]) => !isUnchanged(one)));
  const remembered = remembersMasks(host);
  const see = taskViewer(host);
  const rows: Row[] = [];
  const foreign: Back['foreign'][number][] = [];
  const pace = newPace();
  for (const one of touched.values()) {
    await pace();
    const [tid, start] = one.task;
    const task = see(tid);
    if (task === undefined || task.start !== start || isDead(task)) continue;
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

function threadsBack({ process, ancestor: { first, given, began } }: Heirs['vanished'][number]): Vanishing[] {
  const others = [...new Set(given)].filter((cpus) => cpus !== first);
  return others.map((from) => ({ process, since: began, from, to: first }));
}

const rowBack = (task: SeenTask, first: Cpus): Row => [task.tid, task.start, ownCpus(task), first];

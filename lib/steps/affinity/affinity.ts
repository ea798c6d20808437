/**
 * A step that sets the CPUs that tasks may run on (sched_setaffinity(2)). Which tasks these are, and what each had, is in
 * the step; those that appear in its scope while it is applied are written ahead as details of it.
 */
import * as v from 'valibot';
import { VfioIsolateError } from '../../errors.js';
import { type Host, readIfThere } from '../../host.js';
import { setMasks, type TaskMask } from '../../kernel/affinity.js';
import { isFixed, isKernelThread } from '../../kernel/kernel-threads.js';
import { type Cpus, hasCpus, type SeenTask, taskViewer } from '../../kernel/task-cpus.js';
import { type TaskId, taskKey, ticksSinceBoot } from '../../kernel/tasks.js';
import { readTopology } from '../../kernel/topology.js';
import type { Refusal } from '../../native.js';
import { delay } from '../../pause.js';
import type { ApplyContext, Refused, StepKind } from '../step.js';
import { MARKED_AT_ONCE, taskId, taskIds, ticks } from '../task-ids.js';
import { type Back, planBack, tasksBack } from './back.js';
import { refusalError, refused } from './refusal.js';
import { latecomers, tasksIn } from './scope.js';
import { type AffinityStep, isCpus, type Row, rows, type Scope, type Vanishing } from './shape.js';
import { lateShape, touchedIn } from './touched.js';
import { chase } from './vanishing.js';

const cpus = v.custom<Cpus>(isCpus, 'a cpulist or null is expected');
const shape = v.object({
  kind: v.literal('affinity'),
  target: v.string(),
  from: cpus,
  to: cpus,
  tasks: rows,
  began: ticks,
  vanishing: v.optional(v.array(v.object({ process: taskId, since: ticks, from: cpus, to: cpus }))),
  scope: v.optional(v.object({ processes: taskIds, threads: taskIds, kernelThreads: v.boolean() })),
});

/** How often new tasks may appear in the scope. */
const MOST_PASSES = 20;

/**
 * clone(2) copies the parent's mask long before the thread is listed: one that is just being born when its parent is set
 * has the CPUs from before. So nothing new has to appear for a while, in which it can be preempted.
 */
const QUIET_PASSES = 3;
const PAUSE_MS = 10;

/** @param scope where new tasks are looked for; unsaid, only these are set, and a refusal is an outcome */
export function affinityStep(host: Host, tasks: readonly Row[], scope?: Scope): AffinityStep {
  const [from = null, to = null] = [uniform(tasks.map((row) => row[2])), uniform(tasks.map((row) => row[3]))];
  return { kind: 'affinity', target: 'tasks', from, to, tasks, began: ticksSinceBoot(host), scope };
}

/** The step that gives tasks the masks again that the kernel has overwritten on the way: to be undone is nothing of it. */
export function masksAgain(host: Host, masks: readonly TaskMask[]): AffinityStep {
  return affinityStep(
    host,
    masks.map(([tid, start, cpus]): Row => [tid, start, cpus, cpus]),
  );
}

export const affinityKind: StepKind<AffinityStep> = {
  kind: 'affinity',
  merges: 'kind',
  // Threads that were caught without being named have been seen to be all.
  repeats: ({ tasks }) => tasks.length > 0,
  quietLooks: QUIET_PASSES,
  validate: (step) => v.parse(shape, step),
  validateDetail: (detail) => v.parse(lateShape, detail),

  async apply(step, context) {
    const sum = { changed: 0, gone: 0, refused: [] as Refused[] };
    await set(step, step.tasks, context, sum);
    if (step.vanishing !== undefined) sum.changed += await chase(context.host, step.vanishing, context.control, false);
    if (step.scope !== undefined) await follow(step, step.scope, context, sum);
    return sum;
  },

  async undo(entry, host, { force, again = false }) {
    const back = await planBack(host, touchedIn(entry), { force, again });
    const { rows, vanishing } = back;
    const step = { ...affinityStep(host, rows), ...(vanishing.length > 0 && { vanishing }) };
    return { steps: rows.length + vanishing.length === 0 ? [] : [step], changed: leftAlone(back) };
  },

  standing: async (entry, host) => ({ back: await tasksBack(host, touchedIn(entry)), spent: [] }),

  describe({ tasks, vanishing = [] }, changed) {
    const ways = new Map<string, number>();
    if (tasks.length === 0) {
      return `CPUs of threads of ${vanishing.map(({ process: [pid], to }) => `process ${pid}: -> ${to ?? 'all'}`).join(', ')}`;
    }
    for (const [, , from, to] of tasks) {
      const way = from === to ? `${to} again` : `${from ?? 'all'} -> ${to ?? 'all'}`;
      ways.set(way, (ways.get(way) ?? 0) + 1);
    }
    const number = changed || tasks.length;
    const [only] = tasks;
    const whose = number === 1 && only !== undefined ? `task ${only[0]}` : `${number} tasks`;
    const shown = [...ways].map(([way, count]) => (ways.size === 1 ? way : `${way} (${count})`));
    return `CPUs of ${whose}: ${shown.slice(0, 3).join(', ')}${shown.length > 3 ? ', ...' : ''}`;
  },

  preview({ tasks }, overlay) {
    const all = readTopology(overlay).possible.toString();
    for (const [tid, , , to] of tasks) {
      const path = `${overlay.proc}/${tid}/status`;
      const status = readIfThere(overlay, path);
      const after = status?.replace(/(\nCpus_allowed_list:\t)[^\n]*/, `$1${to ?? all}`);
      if (after !== undefined) overlay.write(path, after);
    }
  },
};

type Sum = { changed: number; gone: number; refused: Refused[] };

async function set({ scope, to }: AffinityStep, tasks: readonly Row[], context: ApplyContext, sum: Sum): Promise<void> {
  const { host, control, onDone } = context;
  // In parts where somebody hears of those that are done.
  const most = onDone === undefined ? Number.POSITIVE_INFINITY : MARKED_AT_ONCE;
  for (let first = 0; first < tasks.length; first += most) {
    const part = tasks.slice(first, first + most);
    const wanted = part.map(([tid, start, , cpus]) => [tid, start, cpus] as const);
    const result = await setMasks(host, wanted, control);
    const others = new Set(result.refused.map(({ tid }) => tid));
    await onDone?.(
      (result.cancelled ? haveTheirs(host, part) : part).flatMap(([tid, start]) =>
        others.has(tid) ? [] : [[tid, start]],
      ),
    );
    if (result.cancelled) throw new VfioIsolateError('ABORT_ERR', 'stopped while setting the CPUs of tasks');
    sum.changed += result.done;
    sum.gone += result.gone;
    for (const refusal of result.refused) {
      if (scope !== undefined && !isExpected(refusal, scope)) throw refusalError(host, refusal, to ?? 'all');
      sum.refused.push(refused(host, refusal));
    }
  }
}

/** Those that have what they were to be given, by the looks of it. */
function haveTheirs(host: Host, tasks: readonly Row[]): Row[] {
  const see = taskViewer(host);
  return tasks.filter(([tid, start, from, to]) => {
    const task = see(tid);
    return task?.start === start && hasCpus(task, to) && !hasCpus(task, from);
  });
}

/** The kernel may have bound a thread to its CPUs since it was looked at, and moves its own threads between cpusets. */
function isExpected(refusal: Refusal, { kernelThreads }: Scope): boolean {
  return isFixed(refusal) || (kernelThreads && isKernelThread(refusal));
}

/** Sets what has appeared in the scope, until nothing has; then all of it is seen to have what it was given. */
async function follow(step: AffinityStep, scope: Scope, context: ApplyContext, sum: Sum): Promise<void> {
  const to = step.to ?? '';
  const known = new Set(step.tasks.map(([tid, start]) => taskKey(tid, start)));
  for (let [passes, quiet] = [1, 0]; ; ) {
    const { tasks, vanished } = await tasksIn(context.host, scope);
    const late = latecomers(tasks, scope, to, known);
    if (late.length === 0) {
      const ofProcess = vanished.map((process) => vanishingOf(step, process, to));
      sum.changed += await chase(context.host, ofProcess, context.control, true);
      quiet++;
      if (quiet < QUIET_PASSES) {
        await delay(PAUSE_MS);
        continue;
      }
      for (const refused of notHeld(tasks, known, scope, to)) sum.refused.push(refused);
      return;
    }
    if (passes === MOST_PASSES) {
      const [first] = late.flatMap(([tid]) => tasks.filter((task) => task.tid === tid));
      const such = first === undefined ? '' : `, such as ${nameOf(first)}`;
      const message = `new tasks with other CPUs keep appearing after ${passes} passes${such}`;
      throw new VfioIsolateError('ERR_STATE', message, {
        remedy: 'another program may be setting them: see who manages these tasks',
      });
    }
    [passes, quiet] = [passes + 1, 0];
    await context.ledger?.append({ late });
    for (const [tid, start] of late) known.add(taskKey(tid, start));
    await set(step, late, context, sum);
  }
}

/** What has the CPUs that its process had is on record with that: undone, it has them again as its heir. */
function vanishingOf({ tasks, began }: AffinityStep, process: TaskId, to: string): Vanishing {
  const row = tasks.find(([tid, start]) => taskKey(tid, start) === taskKey(...process));
  return { process, since: began, from: row === undefined ? to : row[2], to };
}

/** @throws VfioIsolateError `ERR_NOT_HELD`; a kernel thread may choose its own CPUs as it begins */
function notHeld(tasks: readonly SeenTask[], known: ReadonlySet<string>, scope: Scope, to: string): Refused[] {
  const lost = tasks.filter((task) => known.has(taskKey(task.tid, task.start)) && !hasCpus(task, to) && !isFixed(task));
  const foreign = lost.find((task) => !(scope.kernelThreads && isKernelThread(task)));
  if (foreign !== undefined) {
    throw new VfioIsolateError('ERR_NOT_HELD', `${nameOf(foreign)} took CPUs ${to} but has ${foreign.cpus}`, {
      remedy: 'another program may be setting it: see who manages this task (libvirt, a service with CPUAffinity=)',
    });
  }
  return lost.map((task) => ({ what: nameOf(task), reason: `has set its own CPUs since, ${task.cpus}` }));
}

function leftAlone({ foreign }: Back): string[] {
  const [first] = foreign;
  if (first === undefined) return [];
  const more = foreign.length === 1 ? '' : ` (and ${foreign.length - 1} more)`;
  const had = first.first ?? 'all';
  return [`CPUs of ${nameOf(first.task)}${more} are ${first.task.cpus}, set by somebody else; were ${had}`];
}

const nameOf = ({ tid, comm }: SeenTask): string => `task ${tid} (${comm})`;

/** What they all have in common. */
function uniform(values: readonly Cpus[]): Cpus | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}

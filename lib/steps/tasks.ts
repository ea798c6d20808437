/**
 * A step that moves tasks into a cgroup: all that another one holds, or listed ones. Which tasks these are is found
 * only while they move, so apply writes them ahead as details of the step: first the destination's own tasks, then,
 * pass by pass, those that move.
 */
import * as v from 'valibot';
import { SystemError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { isPlain, locate } from '../kernel/door.js';
import { bulkMove, isBoundKernelThread, type Move, recordedMove, refusalReason } from '../kernel/migration.js';
import { findCpusets } from '../kernel/mounts.js';
import { cgroupOf, listTasks, type TaskId, ticksSinceBoot } from '../kernel/tasks.js';
import type { MoveResult, Refusal } from '../native.js';
import type { Group } from './homecoming/groups.js';
import { type Homecoming, homecoming } from './homecoming/homecoming.js';
import type { Move as RecordedMove } from './homecoming/homes.js';
import { isMasksDetail, keepingMasks, masksDetail } from './masks.js';
import type { ApplyContext, Entry, Outcome, Refused, Step, StepKind, Undo } from './step.js';
import { MARKED_AT_ONCE, taskIds, ticks } from './task-ids.js';

export interface TasksStep extends Step<'tasks', string> {
  /** Whole processes to move, in place of all that `from` holds. */
  readonly processes?: readonly TaskId[] | undefined;
  /** Single threads likewise. */
  readonly threads?: readonly TaskId[] | undefined;
}

const shape = v.object({
  kind: v.literal('tasks'),
  target: v.string(),
  from: v.string(),
  to: v.string(),
  processes: v.optional(taskIds),
  threads: v.optional(taskIds),
});
/** The destination's own tasks, or a batch of those that moved; its `from` is relative to the hierarchy, `/` for the root. */
const residentsShape = v.object({ began: ticks, residents: taskIds });
const movedShape = v.object({ from: v.string(), processes: taskIds, threads: taskIds });

/** The step that moves all tasks of one cgroup to another, both by their directories. */
export function moveStep(from: string, to: string): TasksStep {
  return { kind: 'tasks', target: to, from, to };
}

export const tasksKind: StepKind<TasksStep> = {
  kind: 'tasks',
  merges: 'kind',
  repeats: () => true,

  validate(step, host) {
    const checked = v.parse(shape, step);
    for (const path of [checked.target, checked.from, checked.to]) {
      if (locate(host, path).root !== 'cgroup') throw new VfioIsolateError('ERR_STATE', `${path} is no cgroup`);
    }
    return checked;
  },

  validateDetail(detail) {
    if ('residents' in detail) return v.parse(residentsShape, detail);
    if (isMasksDetail(detail)) return v.parse(masksDetail, detail);
    const moved = v.parse(movedShape, detail);
    if (isPlain(moved.from.replace(/^\/$/, '/root'))) return moved;
    throw new VfioIsolateError('ERR_STATE', `${JSON.stringify(moved.from)} is no cgroup`);
  },

  async apply(step, context) {
    await writeResidents(step, context);
    return keepingMasks(context, { below: step.from, births: true }, async () => {
      const results: MoveResult[] = [];
      for (const move of movesOf(step, context)) results.push(await perform(move, context));
      for (const result of results) requireComplete(step, result);
      return summary(results);
    });
  },

  async undo(entry, host, options) {
    const back = await homecoming(host, movesIn(host, entry), options);
    return {
      steps: options.unnamed ? unnamedBack(back) : back.groups.map(stepBack),
      changed: strayed(back),
      waiting: waitingFor(back.missing),
      notes: back.notes,
      along: new Map(back.groups.flatMap(({ members }) => [...members])),
      missed: missedIn(back),
    };
  },

  async standing(entry, host, options) {
    return homecoming(host, movesIn(host, entry), options);
  },

  describe({ from, to }, changed) {
    const what = changed === undefined || changed === 0 ? 'tasks' : `${changed} ${changed === 1 ? 'task' : 'tasks'}`;
    return `${what}: ${from} -> ${to}`;
  },

  preview({ from, to }, overlay) {
    for (const list of ['tasks', 'cgroup.procs']) {
      const moving = readOr(overlay, `${from}/${list}`);
      overlay.write(`${to}/${list}`, readOr(overlay, `${to}/${list}`) + moving);
      overlay.write(`${from}/${list}`, '');
    }
  },
};

function readOr(host: Host, path: string): string {
  try {
    return host.read(path);
  } catch {
    return '';
  }
}

/** A destination's own tasks stay there when the others go back. Without this line nothing has moved yet. */
async function writeResidents(step: TasksStep, { host, ledger }: ApplyContext): Promise<void> {
  if (ledger === undefined) return;
  const began = ticksSinceBoot(host);
  const table = await listTasks(host, step.to);
  const residents = Array.from(table.tid, (tid, row) => [tid, table.start[row] ?? Number.NaN]);
  await ledger.append({ began, residents });
}

/** In parts where somebody hears of those that are done. */
function movesOf({ from, to, processes, threads }: TasksStep, { onDone }: ApplyContext): Move[] {
  if (processes === undefined && threads === undefined) return [{ from, to }];
  const [most, moves] = [onDone === undefined ? Number.POSITIVE_INFINITY : MARKED_AT_ONCE, [] as Move[]];
  for (const [tasks, isThreads] of [[processes ?? [], false] as const, [threads ?? [], true] as const]) {
    for (let first = 0; first < tasks.length; first += most)
      moves.push({ to, tasks: tasks.slice(first, first + most), threads: isThreads });
  }
  return moves;
}

async function perform(move: Move, { host, control, ledger, onDone }: ApplyContext): Promise<MoveResult> {
  const result =
    ledger === undefined
      ? await bulkMove(host, move, control)
      : await ledger.lend((record) => recordedMove(host, move, record, control));
  const { to, tasks = [] } = move;
  if (onDone !== undefined) {
    const stayed = new Set([...result.refused, ...result.left].map(({ tid }) => tid));
    const isThere = ([tid]: TaskId) => !stayed.has(tid) && (!result.cancelled || cgroupOf(host, tid) === to);
    await onDone(tasks.filter(isThere));
  }
  if (result.cancelled) throw new VfioIsolateError('ABORT_ERR', 'stopped while moving tasks');
  return result;
}

/** Kernel threads that may not move are an outcome; any other task that did not move is an error. */
function requireComplete({ from, to }: TasksStep, result: MoveResult): void {
  if (result.unsettled) {
    throw new VfioIsolateError('ERR_STATE', `new tasks keep appearing in ${from} after ${result.passes} passes`, {
      remedy: 'stop what forks there, or move its parent first',
    });
  }
  const unexpected = result.refused.filter((refusal) => !isBoundKernelThread(refusal));
  const [first] = unexpected;
  if (first === undefined) return;
  const others = unexpected.length === 1 ? '' : ` (and ${unexpected.length - 1} more)`;
  throw new SystemError({
    errno: first.errno,
    syscall: 'write',
    path: to,
    value: String(first.tid),
    reason: `task ${first.tid} (${first.comm})${others} does not move: ${refusalReason(first)}`,
  });
}

function summary(results: readonly MoveResult[]): Outcome {
  const refused = results.flatMap((result) => [...result.refused, ...result.left].map(named));
  return {
    changed: results.reduce((sum, result) => sum + result.moved, 0),
    gone: results.reduce((sum, result) => sum + result.gone, 0),
    refused,
  };
}

function named(refusal: Refusal): Refused {
  return { what: `task ${refusal.tid} (${refusal.comm})`, reason: refusalReason(refusal) };
}

function movesIn(host: Host, { parts }: Entry<TasksStep>): RecordedMove[] {
  const { mountPoint } = findCpusets(host);
  return parts.map(({ step, details, marking = () => undefined }) => {
    const start = details.find((detail) => 'residents' in detail);
    const { began, residents } = start === undefined ? NOT_BEGUN : v.parse(residentsShape, start);
    const batches = details
      .filter((detail) => 'processes' in detail)
      .map((detail) => v.parse(movedShape, detail))
      .map((batch) => ({ ...batch, from: batch.from === '/' ? mountPoint : mountPoint + batch.from }));
    return { from: step.from, to: step.to, began, residents, batches, marking };
  });
}

const NOT_BEGUN = { began: undefined, residents: [] };

/** The steps that bring those tasks of a cgroup home that these entries have moved, and how many others it holds. */
export async function homewardSteps(
  host: Host,
  entries: readonly Entry[],
  directory: string,
  held: number,
): Promise<{ steps: TasksStep[]; others: number }> {
  const moves = entries.filter((entry): entry is Entry<TasksStep> => entry.step.kind === tasksKind.kind);
  if (moves.length === 0 || held === 0) return { steps: [], others: held };
  const back = await homecoming(
    host,
    moves.flatMap((entry) => movesIn(host, entry)),
    { force: false, settle: false },
  );
  const groups = back.groups.filter(({ from }) => from === directory);
  const going = groups.reduce((sum, { processes, threads }) => sum + processes.length + threads.length, 0);
  return { steps: groups.map(stepBack), others: Math.max(0, held - going) };
}

function stepBack({ from, to, processes, threads }: Group): TasksStep {
  return { kind: 'tasks', target: to, from, to, processes, threads };
}

/** Tasks that fork and exit are gone before they can be named: a cgroup that they alone are left in goes as it is. */
function unnamedBack({ groups, leaving }: Homecoming): TasksStep[] {
  const named = groups.filter(({ from }) => !leaving.has(from));
  return [...named.map(stepBack), ...[...leaving].map(([from, to]) => moveStep(from, to))];
}

function waitingFor(missing: readonly string[]): Undo['waiting'] {
  if (missing.length === 0) return undefined;
  return { for: missing, because: `${missing[0]}, which tasks came from, does not exist` };
}

function missedIn({ missed: [first] }: Homecoming): Undo['missed'] {
  if (first === undefined) return undefined;
  return {
    because: `tasks of ${first} exit before they can be named`,
    remedy: 'stop or freeze what forks there, and restore again',
  };
}

function strayed({ strays }: Homecoming): string[] {
  const [first] = strays;
  if (first === undefined) return [];
  const tasks = strays.length === 1 ? '1 task was' : `${strays.length} tasks were`;
  return [`${tasks} moved on by somebody else (task ${first.tid} is in ${first.cgroup})`];
}

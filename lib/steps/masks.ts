/**
 * Tasks' own affinity masks across a change of their cpuset. Before 6.2 a changed list, a move, and even enabling the
 * controller overwrite them all. Since then the kernel remembers those that were set (sched_setaffinity) and intersects,
 * but not those that it gave itself: with isolcpus= and nohz_full=, to the threads of a node, beside a partition. So each is
 * written ahead; one that was forgotten is given back as far as the new cpuset allows right after the change, and in full
 * once all is undone. A task that shows its mask is never written to: that would replace a wider one, which its cpuset hides.
 */
import * as v from 'valibot';
import type { Host } from '../host.js';
import {
  changedMasks,
  forgottenMasks,
  masksNow,
  ownMasks,
  remembersMasks,
  setMasks,
  type TaskMask,
  threadsWithin,
} from '../kernel/affinity.js';
import { followsInterrupt, isFixed } from '../kernel/kernel-threads.js';
import { findCpusets } from '../kernel/mounts.js';
import { newPace } from '../kernel/pace.js';
import { hasCpus, ownCpus, type SeenTask, taskViewer } from '../kernel/task-cpus.js';
import { isDead, type TaskId, taskKey, ticksSinceBoot } from '../kernel/tasks.js';
import { isolatedAtBoot } from '../kernel/topology.js';
import { delay } from '../pause.js';
import { parseList } from '../sets/list.js';
import { masksAgain } from './affinity/affinity.js';
import { type AffinityStep, isCpus, type Row, rows } from './affinity/shape.js';
import { rowsOf } from './affinity/touched.js';
import { maskHeirs } from './mask-heirs.js';
import {
  type ApplyContext,
  type Detail,
  detailsOf,
  type Entry,
  type Outcome,
  type Refused,
  type Step,
  type UndoOptions,
} from './step.js';
import { beginsWithTaskId, ticks } from './task-ids.js';

const taskMasks = v.custom<TaskMask[]>(
  (value) =>
    Array.isArray(value) && value.every((item) => beginsWithTaskId(item, 3) && item[2] !== null && isCpus(item[2])),
  'a list of tasks with their CPUs is expected',
);
const foundShape = v.object({ masks: taskMasks, began: v.optional(ticks), births: v.optional(v.string()) });
/**
 * Details of any step that may overwrite masks: what tasks had of their own before it, and what it left those with whose
 * masks it changed.
 */
export const masksDetail = v.union([foundShape, v.object({ left: taskMasks })]);

/** Whether a detail is one of these. */
export const isMasksDetail = (detail: object): boolean => 'masks' in detail || 'left' in detail;

/** Whether an entry has masks on record: those that the kernel overwrites, or those that were set. */
export const hasMasks = (entry: Entry): boolean => isAffinity(entry) || recordsMasks(entry);

/** Whether it has masks that the kernel overwrites. */
export const recordsMasks = (entry: Entry): boolean => detailsOf(entry).some(isMasksDetail);

const isAffinityStep = (step: Step): step is AffinityStep => step.kind === 'affinity';
export const isAffinity = (entry: Entry): entry is Entry<AffinityStep> => isAffinityStep(entry.step);

/** The tasks of which a step may overwrite masks. */
export interface Reach {
  /** Directory of a cgroup, with all below it. */
  readonly below: string;
  /** Whether a task that is born there meanwhile may lack the mask that it would have inherited. */
  readonly births: boolean;
}

export async function keepingMasks(
  context: ApplyContext,
  { below, births }: Reach,
  act: () => Promise<Outcome>,
): Promise<Outcome> {
  const { host, ledger, control } = context;
  const remembered = remembersMasks(host);
  const began = ticksSinceBoot(host);
  const masks = await ownMasks(host, threadsWithin(host, remembered ? below : findCpusets(host).mountPoint));
  const isKept = masks.length > 0 || (births && !isolatedAtBoot(host).isEmpty);
  if (isKept) await ledger?.append({ masks, ...(births && { began, births: below }) });
  const outcome = await act();
  const changed = await changedMasks(host, masks);
  // Of one that the new cpuset has nothing of, the kernel's choice stands until the undo.
  const { done } = await setMasks(host, forgottenMasks(host, changed), control);
  if (isKept) await ledger?.append({ left: masksNow(host, changed) });
  return remembered && done > 0 ? { ...outcome, notes: [...(outcome.notes ?? []), setForGood(done)] } : outcome;
}

/** A mask that was set cannot be unset: what such a task starts inherits it, whatever becomes of its cpuset. */
export function setForGood(tasks: number): string {
  const whose = tasks === 1 ? '1 task now has its' : `${tasks} tasks now have their`;
  return `${whose} CPUs set for good: the kernel had given them`;
}

export interface MasksBack {
  readonly steps: readonly Step[];
  /** Masks that somebody else has set since, and that are left, a line each. */
  readonly changed: readonly string[];
  /** For tasks born meanwhile, once these steps are performed; again and again, until it finds none. */
  readonly born: () => Promise<Step[]>;
}

/** The tasks of which an entry has masks on record. */
export function tasksIn(entry: Entry): TaskId[] {
  const rows = isAffinity(entry) ? entry.parts.flatMap(({ step, details }) => rowsOf(step, details)) : [];
  const masks = detailsOf(entry).filter(isMasksDetail).flatMap(masksOf);
  return [...rows, ...masks].map(([tid, start]) => [tid, start]);
}

/** An entry as if it had no masks of some tasks on record. */
export function without<E extends Entry>(entry: E, isOut: (task: TaskId) => boolean): E {
  const isIn = ([tid, start]: TaskMask | Row) => !isOut([tid, start]);
  const parts = entry.parts.map((part) => {
    const details = part.details.map((detail) => {
      if ('late' in detail) return { ...detail, late: v.parse(rows, detail['late']).filter(isIn) };
      if ('masks' in detail) return { ...detail, masks: masksOf(detail).filter(isIn) };
      return 'left' in detail ? { ...detail, left: masksOf(detail).filter(isIn) } : detail;
    });
    const { step } = part;
    return { ...part, details, step: isAffinityStep(step) ? { ...step, tasks: step.tasks.filter(isIn) } : step };
  });
  return { ...entry, step: parts[0]?.step ?? entry.step, parts };
}

function masksOf(detail: Detail): TaskMask[] {
  const found = v.parse(masksDetail, detail);
  return 'left' in found ? found.left : found.masks;
}

/**
 * How masks are given back once these entries are undone. Of several that a task had, the one of the earliest step counts;
 * one that somebody else has set since is left, unless forced.
 * @param entries of one step each, the earliest first
 */
export async function masksBack(
  host: Host,
  entries: readonly Entry[],
  { force }: Pick<UndoOptions, 'force'>,
): Promise<MasksBack> {
  const { first, left, births } = recordedMasks(entries);
  const known = [...first.values()].filter((mask) => mask !== undefined);
  const [lost, foreign] = [[] as TaskMask[], [] as string[]];
  const see = taskViewer(host);
  const remembered = remembersMasks(host);
  const pace = newPace();
  for (const mask of await changedMasks(host, known)) {
    await pace();
    const [tid, start, cpus] = mask;
    const task = see(tid);
    if (task === undefined || task.start !== start || isDead(task) || isFixed(task)) continue;
    const isWithin = parseList(cpus).overlaps(task.allowed);
    // From 6.2 on the kernel keeps a mask of which the cpuset has nothing, and lets the task run on all of that.
    if ((isWithin || !remembered) && ownCpus(task) === null) lost.push(mask);
    // Nothing is wrong with one that its cpuset narrows, nor with one that its interrupt has given other CPUs.
    else if (hasCpus(task, cpus) || followsInterrupt(task)) continue;
    else if (isWithin && task.cpus.toString() === left.get(tid)) lost.push(mask);
    else if (force) lost.push(mask);
    // What no step has changed is its owner's affair.
    else if (left.get(tid) !== cpus) foreign.push(leftAlone(task, cpus));
  }
  const given = new Set(known.map(([tid, start]) => taskKey(tid, start)));
  return {
    steps: stepFor(host, lost),
    changed: foreign,
    born: async () => {
      const heirs = await maskHeirs(host, { births, lost, left, given });
      for (const [tid, start] of heirs) given.add(taskKey(tid, start));
      return stepFor(host, heirs);
    },
  };
}

/** How often in a row nothing may be found to be born, since what is being born is not listed yet; and a pause before each. */
const QUIET_LOOKS = 3;
const PAUSE_MS = 10;
const MOST_LOOKS = 100;

/**
 * Performs what gives masks back, and then what tasks born meanwhile need, until no more are found.
 * @returns what refused its mask, and what a user should know
 */
export async function untilQuiet(
  host: Host,
  { steps, born }: MasksBack,
  perform: (steps: readonly Step[]) => Promise<Outcome[]>,
): Promise<{ refused: Refused[]; notes: string[] }> {
  const outcomes = await perform(steps);
  for (let [looks, quiet] = [1, 0]; ; looks++) {
    const found = await born();
    outcomes.push(...(await perform(found)));
    quiet = found.length === 0 ? quiet + 1 : 0;
    if (outcomes.length === 0 || quiet === QUIET_LOOKS) break;
    if (looks === MOST_LOOKS) {
      const refused = [{ what: 'tasks born meanwhile', reason: 'others keep being born by them with all CPUs' }];
      outcomes.push({ changed: 0, refused });
      break;
    }
    await delay(PAUSE_MS);
  }
  const set = outcomes.reduce((sum, { changed }) => sum + changed, 0);
  const notes = remembersMasks(host) && set > 0 ? [setForGood(set)] : [];
  return { refused: outcomes.flatMap(({ refused = [] }) => refused), notes };
}

const stepFor = (host: Host, masks: readonly TaskMask[]) => (masks.length === 0 ? [] : [masksAgain(host, masks)]);

/** What these entries know: what each task had first and was left with, and since when tasks may have been born in which cgroups. */
function recordedMasks(entries: readonly Entry[]) {
  const first = new Map<number, TaskMask | undefined>();
  const left = new Map<number, string>();
  const births = new Map<string, number>();
  const setByUs = new Set<number>();
  const see = (tid: number, mask: TaskMask | undefined) => void (first.has(tid) || first.set(tid, mask));
  /** One that differs from what our last step left it with is its owner's later choice. */
  const choose = (mask: TaskMask) => {
    const [tid, , cpus] = mask;
    const was = left.get(tid);
    if (was !== undefined && was !== cpus && !setByUs.has(tid)) first.set(tid, mask);
    else see(tid, mask);
  };
  for (const entry of entries) {
    // What an affinity step found before any mask was recorded is what the task had of its own, if it had one.
    if (isAffinity(entry))
      for (const [tid, start, cpus] of rowsOf(entry.step, detailsOf(entry))) {
        setByUs.add(tid);
        see(tid, cpus === null ? undefined : [tid, start, cpus]);
      }
    let before: readonly TaskMask[] = [];
    for (const detail of detailsOf(entry)) {
      if (!isMasksDetail(detail)) continue;
      const found = v.parse(masksDetail, detail);
      if ('left' in found) {
        for (const [tid, , cpus] of [...before, ...found.left]) left.set(tid, cpus);
        continue;
      }
      before = found.masks;
      for (const mask of before) choose(mask);
      const { began, births: below } = found;
      if (began !== undefined && below !== undefined && !births.has(below)) births.set(below, began);
    }
  }
  return { first, left, births };
}

const leftAlone = ({ tid, cpus }: SeenTask, were: string): string =>
  `CPUs of task ${tid} are ${cpus}, set by somebody else; were ${were}`;

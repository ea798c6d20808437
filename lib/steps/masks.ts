/**
 * Tasks' own affinity masks across a change of their cpuset. From 6.2 on the kernel remembers them and intersects; before,
 * a changed list, a move, and even enabling the controller overwrite them. There they are written ahead, given back as far
 * as the new cpuset allows right after the change, and in full once all is undone.
 */
import * as v from 'valibot';
import type { Host } from '../host.js';
import {
  differing,
  masksNow,
  ownMasks,
  remembersMasks,
  setMasks,
  type TaskMask,
  unchosen,
} from '../kernel/affinity.js';
import type { TaskId } from '../kernel/tasks.js';
import { masksAgain } from './affinity/affinity.js';
import { type AffinityStep, isCpus, type Row, rows } from './affinity/shape.js';
import { rowsOf } from './affinity/touched.js';
import {
  type ApplyContext,
  type Detail,
  detailsOf,
  type Entry,
  type Outcome,
  type Step,
  type Undo,
  type UndoOptions,
} from './step.js';
import { beginsWithTaskId } from './task-ids.js';

const taskMasks = v.custom<TaskMask[]>(
  (value) =>
    Array.isArray(value) && value.every((item) => beginsWithTaskId(item, 3) && item[2] !== null && isCpus(item[2])),
  'a list of tasks with their CPUs is expected',
);
/** Details of any step that may overwrite masks: what tasks had of their own before it, and what it left them with. */
export const masksDetail = v.union([v.object({ masks: taskMasks }), v.object({ left: taskMasks })]);

/** Whether a detail is one of these. */
export const isMasksDetail = (detail: object): boolean => 'masks' in detail || 'left' in detail;

/** Whether an entry has masks on record: those that the kernel overwrites, or those that were set. */
export const hasMasks = (entry: Entry): boolean => isAffinity(entry) || recordsMasks(entry);

/** Whether it has masks that the kernel overwrites. */
export const recordsMasks = (entry: Entry): boolean => detailsOf(entry).some(isMasksDetail);

const isAffinityStep = (step: Step): step is AffinityStep => step.kind === 'affinity';
export const isAffinity = (entry: Entry): entry is Entry<AffinityStep> => isAffinityStep(entry.step);

export async function keepingMasks(context: ApplyContext, act: () => Promise<Outcome>): Promise<Outcome> {
  const { host, ledger, control } = context;
  if (remembersMasks(host)) return act();
  const masks = await ownMasks(host);
  if (masks.length > 0) await ledger?.append({ masks });
  const outcome = await act();
  // Refused where the new cpuset has none of a mask's CPUs: then the kernel's choice stands until the undo.
  await setMasks(host, differing(host, masks), control);
  if (masks.length > 0) await ledger?.append({ left: masksNow(host, masks) });
  return outcome;
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
 * The step that gives masks back once these entries are undone, or none. Of several that a task had, the one of the
 * earliest step counts; one that somebody else has set since is left, unless forced.
 * @param entries of one step each, the earliest first
 */
export function masksBack(
  host: Host,
  entries: readonly Entry[],
  { force }: Pick<UndoOptions, 'force'>,
): Required<Pick<Undo, 'steps' | 'changed'>> {
  // Otherwise nothing was overwritten.
  if (!entries.some((entry) => detailsOf(entry).some(isMasksDetail))) return { steps: [], changed: [] };
  const first = new Map<number, TaskMask | undefined>();
  const left = new Map<number, string>();
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
    for (const detail of detailsOf(entry)) {
      if (!isMasksDetail(detail)) continue;
      const found = v.parse(masksDetail, detail);
      if ('left' in found) for (const [tid, , cpus] of found.left) left.set(tid, cpus);
      else for (const mask of found.masks) choose(mask);
    }
  }
  const known = [...first.values()].filter((mask) => mask !== undefined);
  const lost = differing(host, known);
  const masks = force ? lost : unchosen(host, lost, left);
  return {
    steps: masks.length === 0 ? [] : [masksAgain(host, masks)],
    changed: lost.filter((mask) => !masks.includes(mask)).flatMap((mask) => leftAlone(host, mask)),
  };
}

function leftAlone(host: Host, [tid, start, cpus]: TaskMask): string[] {
  return masksNow(host, [[tid, start, cpus]]).map(
    ([, , present]) => `CPUs of task ${tid} are ${present}, set by somebody else; were ${cpus}`,
  );
}

/** Gives tasks their own masks back, which steps had on record and which hold no longer but for these. */
import type { VfioIsolateError } from '../../errors.js';
import { type TaskId, taskKey } from '../../kernel/tasks.js';
import type { Marks } from '../../steps/marks.js';
import { isAffinity, masksBack, recordsMasks, tasksIn, untilQuiet, without } from '../../steps/masks.js';
import type { Step } from '../../steps/step.js';
import type { LiveEntry } from '../record/fold.js';
import { refusal, type UndoRun } from './attempt.js';

/**
 * Last of all, since undoing anything else may overwrite them once more.
 * @param owing steps that hold no longer, but for their masks; an entry each
 * @param held steps that still hold, likewise: their masks stay on record, and tell what a task has by them
 * @returns errors
 */
export async function giveMasksBack(
  owing: readonly LiveEntry[],
  held: readonly LiveEntry[],
  marks: Marks,
  run: UndoRun,
): Promise<VfioIsolateError[]> {
  if (owing.length === 0) return [];
  const { performer, report, marker } = run;
  const entries = viewOf(owing, held, marks);
  const known = entries.flatMap(tasksIn);
  const back = await masksBack(performer.host, entries, run);
  const given: Step[] = [];
  const done = new Set<string>();
  const { refused, notes } = await untilQuiet(performer.host, back, (steps) => {
    given.push(...steps);
    return performer.perform(steps, report, async (tasks) => {
      for (const task of tasks) done.add(taskKey(...task));
    });
  });
  // A mask that its owner has chosen since keeps nothing on record.
  for (const line of [...notes, ...back.changed]) report.notes.push(line);
  const stay = new Set([
    ...given.flatMap(namedIn).filter((key) => !done.has(key)),
    ...held.filter(recordsMasks).flatMap((entry) => tasksIn(entry).map((task) => taskKey(...task))),
  ]);
  const all = [...owing, ...held].flatMap((entry) => entry.steps);
  if (performer.isReal && (stay.size > 0 || entries.length > owing.length))
    await marker.tasks(
      'masks',
      all,
      known.filter((task) => !stay.has(taskKey(...task))),
    );
  if (refused.length > 0) return [refusal(refused)];
  if (stay.size === 0) await marker.steps(owing.flatMap((entry) => entry.steps));
  return [];
}

const stepOf = ({ steps: [step = 0] }: LiveEntry) => step;

/** What is known of the masks that are to be given back, by step. */
function viewOf(owing: readonly LiveEntry[], held: readonly LiveEntry[], marks: Marks): LiveEntry[] {
  const isBack = (entry: LiveEntry, task: TaskId) => marks.find('masks', stepOf(entry), task) !== undefined;
  const recorded = new Map<string, number>();
  for (const entry of owing.filter(recordsMasks)) {
    for (const task of tasksIn(entry).filter((one) => !isBack(entry, one))) {
      const key = taskKey(...task);
      recorded.set(key, Math.min(recorded.get(key) ?? Number.POSITIVE_INFINITY, stepOf(entry)));
    }
  }
  /** What a task had before it was set matters to masks that were recorded before it was given that back. */
  const matters = (entry: LiveEntry, task: TaskId, unmarked: boolean) => {
    const mark = marks.find('affinity', stepOf(entry), task);
    return mark === undefined ? unmarked : (recorded.get(taskKey(...task)) ?? Number.POSITIVE_INFINITY) <= mark.last;
  };
  const view = (entry: LiveEntry, unmarked: boolean) =>
    without(entry, (task) => isBack(entry, task) || (isAffinity(entry) && !matters(entry, task, unmarked)));
  // An affinity step that still holds for others knows that of those that were given theirs back.
  const entries = [...owing.map((one) => view(one, true)), ...held.filter(isAffinity).map((one) => view(one, false))];
  return entries.sort((a, b) => stepOf(a) - stepOf(b));
}

const namedIn = (step: Step): string[] =>
  tasksIn({ step, parts: [{ step, details: [] }] }).map((task) => taskKey(...task));

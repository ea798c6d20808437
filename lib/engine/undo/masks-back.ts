/** Gives tasks their own masks back, which steps had on record and which hold no longer but for these. */
import type { VfioIsolateError } from '../../errors.js';
import { type TaskId, taskKey } from '../../kernel/tasks.js';
import type { Marks } from '../../steps/marks.js';
import { hasMasks, masksBack, recordsMasks, tasksIn, without } from '../../steps/masks.js';
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
  const stepOf = ({ steps: [step = 0] }: LiveEntry) => step;
  const isBack = (entry: LiveEntry) => (task: TaskId) => marks.find('masks', stepOf(entry), task) !== undefined;
  // Of tasks that have their first CPUs again, an affinity step that holds for others knows these.
  const ofOthers = held
    .filter((entry) => hasMasks(entry) && !recordsMasks(entry))
    .map((entry) =>
      without(entry, (task) => marks.find('affinity', stepOf(entry), task) === undefined || isBack(entry)(task)),
    );
  const entries = [...owing.map((entry) => without(entry, isBack(entry))), ...ofOthers].sort(
    (a, b) => stepOf(a) - stepOf(b),
  );
  const known = entries.flatMap(tasksIn);
  const { steps, changed } = masksBack(performer.host, entries, run);
  const done = new Set<string>();
  const outcomes = await performer.perform(steps, report, async (tasks) => {
    for (const task of tasks) done.add(taskKey(...task));
  });
  const refused = outcomes.flatMap((outcome) => outcome.refused ?? []);
  // A mask that its owner has chosen since keeps nothing on record.
  for (const line of changed) report.notes.push(line);
  const stay = new Set([
    ...steps.flatMap(namedIn).filter((key) => !done.has(key)),
    ...held.filter(recordsMasks).flatMap((entry) => tasksIn(entry).map((task) => taskKey(...task))),
  ]);
  const all = [...owing, ...held].flatMap((entry) => entry.steps);
  if (performer.isReal && (stay.size > 0 || ofOthers.length > 0))
    await marker.tasks(
      'masks',
      all,
      known.filter((task) => !stay.has(taskKey(...task))),
    );
  if (refused.length > 0) return [refusal(refused)];
  if (stay.size === 0) await marker.steps(owing.flatMap((entry) => entry.steps));
  return [];
}

const namedIn = (step: Step): string[] =>
  tasksIn({ step, parts: [{ step, details: [] }] }).map((task) => taskKey(...task));

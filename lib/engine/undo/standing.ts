/** What holds no longer of a thing that could not be undone as a whole: tasks that are where they were, moves that left nothing. */
import { asOurs } from '../../errors.js';
import { isMarked } from '../../steps/marks.js';
import { kindOf } from '../../steps/registry.js';
import type { LiveEntry } from '../record/fold.js';
import type { Left, UndoRun } from './attempt.js';
import { entriesOf, stepByStep } from './wholes.js';

/** @returns by step, what holds no longer and what still does */
export async function markStanding(
  { whole, settle }: Left,
  { performer, report, force, marker }: UndoRun,
  leaving: ReadonlySet<string>,
): Promise<{ spent: LiveEntry[]; held: LiveEntry[] }> {
  const { entry } = whole;
  const { kind, standing } = kindOf(entry.step);
  const parts = entriesOf(whole).flatMap(stepByStep);
  if (standing === undefined || !isMarked(kind) || !performer.isReal) return { spent: [], held: parts };
  try {
    const { back, spent } = await standing(entry, performer.host, { force, settle, again: true, leaving });
    await marker.tasks(kind, entry.steps, back);
    const ended = new Set(spent);
    return { spent: parts.filter((_, index) => ended.has(index)), held: parts.filter((_, index) => !ended.has(index)) };
  } catch (error) {
    const ours = asOurs(error);
    if (ours.code === 'ABORT_ERR') throw ours;
    report.notes.push(ours.message);
    return { spent: [], held: parts };
  }
}

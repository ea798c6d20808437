/** Brings things back to their first-seen values: for restore and for rollback alike. */
import type { VfioIsolateError } from '../../errors.js';
import { breathe } from '../../pause.js';
import { hasMasks, masksBack, untilQuiet } from '../../steps/masks.js';
import { kindOf } from '../../steps/registry.js';
import { throwIfAborted } from '../perform.js';
import type { LiveEntry } from '../record/fold.js';
import { attempt, type Left, type Pending, refusal, type UndoRun } from './attempt.js';
import { toSettle } from './settling.js';
import { entriesOf, stepsOf, topDown, type Whole, wholes } from './wholes.js';

export interface Undone {
  /** An error for each thing that could not be brought back. */
  readonly errors: readonly VfioIsolateError[];
  /** What somebody else has changed since, and was left. */
  readonly changed: readonly string[];
}

/**
 * Undoes entries in reverse order, as many as can be. One that fails, waits, or finds itself changed may need another to
 * be undone first (a cpuset is widened after the one above it), so these are tried again for as long as that helps. What
 * then still waits for nothing that has failed settles for a nearest equal state.
 * @throws VfioIsolateError `ABORT_ERR`, between two steps
 */
export async function undo(entries: readonly LiveEntry[], run: UndoRun): Promise<Undone> {
  const { host } = run.performer;
  let pending = topDown(wholes(entries).reverse(), host).map(
    (whole): Pending => ({ whole, settle: false, begun: false }),
  );
  const leaving = new Set(entries.flatMap((entry) => kindOf(entry.step).takesAway?.(entry, host, run.force) ?? []));
  const masked: Whole[] = [];
  const done: Whole[] = [];
  const told = new Set(run.report.notes);
  const note = (whole: Whole) => {
    done.push(whole);
    if (entriesOf(whole).some(hasMasks)) masked.push(whole);
    else run.onUndone(stepsOf(whole));
  };
  for (;;) {
    const left: Left[] = [];
    for (const one of pending) {
      await breathe();
      throwIfAborted(run.signal);
      const outcome = await attempt(one, run, leaving, told);
      if (outcome.error === undefined && outcome.changed.length === 0) note(one.whole);
      else left.push({ ...one, ...outcome });
    }
    const stuck = left.length === pending.length && !left.some(({ partly }) => partly);
    const settling = stuck ? toSettle(left, host) : new Set();
    const settled = left.map(
      ({ whole, settle, begun, ...one }): Pending => ({
        whole,
        settle: settle || settling.has(whole),
        begun: begun || (one.partly ?? false),
      }),
    );
    const helps = !stuck || settled.some(({ settle }, index) => settle !== left[index]?.settle);
    if (left.length === 0 || !helps) {
      const masks = await giveMasksBack(masked, run);
      noteWhatRemains(done, run);
      return {
        errors: [...masks.errors, ...left.flatMap(({ error }) => error ?? [])],
        changed: [...masks.changed, ...left.flatMap(({ changed }) => changed)],
      };
    }
    pending = settled;
  }
}

/** Told at the end, since undoing one thing may let the kernel let go of another. */
function noteWhatRemains(done: readonly Whole[], { performer, report }: UndoRun): void {
  for (const { entry } of done) report.notes.push(...(kindOf(entry.step).remains?.(entry, performer.host) ?? []));
}

/** Last of all, since undoing anything else may overwrite them once more. */
async function giveMasksBack(masked: readonly Whole[], run: UndoRun): Promise<Undone> {
  if (masked.length === 0) return { errors: [], changed: [] };
  const entries = masked.flatMap(entriesOf).flatMap(stepByStep).sort(byFirstStep);
  const { performer, report } = run;
  const back = await masksBack(performer.host, entries, run);
  const { refused, notes } = await untilQuiet(performer.host, back, (steps) => performer.perform(steps, report));
  report.notes.push(...notes);
  const { changed } = back;
  if (refused.length > 0) return { errors: [refusal(refused)], changed };
  // What else these steps did is undone: a mask that its owner has chosen since keeps none of it on record.
  for (const whole of masked) run.onUndone(stepsOf(whole));
  for (const line of changed) report.notes.push(line);
  return { errors: [], changed: [] };
}

/** An entry for each step that one is made of. */
function stepByStep({ parts, steps }: LiveEntry): LiveEntry[] {
  return parts.map((part, index) => ({ step: part.step, parts: [part], steps: steps.slice(index, index + 1) }));
}

const byFirstStep = (a: LiveEntry, b: LiveEntry) => (a.steps[0] ?? 0) - (b.steps[0] ?? 0);

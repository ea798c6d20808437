/** Brings things back to their first-seen values: for restore and for rollback alike. */
import { dirname } from 'node:path';
import { asOurs, VfioIsolateError } from '../errors.js';
import { kindOf } from '../steps/registry.js';
import { type Performer, throwIfAborted } from './perform.js';
import type { LiveEntry } from './record/fold.js';
import type { CommandReport } from './report.js';

export interface UndoOptions {
  readonly force: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told of the steps that hold no longer, as soon as that is so. */
  readonly onUndone: (steps: readonly number[]) => void;
}

export interface Undone {
  /** An error for each thing that could not be brought back. */
  readonly errors: readonly VfioIsolateError[];
  /** What somebody else has changed since, and was left. */
  readonly changed: readonly string[];
}

/**
 * Undoes entries in reverse order, as many as can be. One that fails may only have to wait for another (a cpuset is
 * widened after the one above it), so the failed ones are tried again for as long as that helps.
 * @throws VfioIsolateError `ABORT_ERR`, between two steps
 */
export async function undo(
  entries: readonly LiveEntry[],
  performer: Performer,
  report: CommandReport,
  options: UndoOptions,
): Promise<Undone> {
  const changed: string[] = [];
  let waiting = wholes(entries).reverse();
  for (;;) {
    const failed: Failure[] = [];
    for (const whole of waiting) {
      throwIfAborted(options.signal);
      const outcome = await attempt(whole.entry, performer, report, options.force);
      if (outcome instanceof VfioIsolateError) failed.push({ whole, error: outcome });
      else if (outcome.length > 0) changed.push(...outcome);
      else options.onUndone(whole.steps);
    }
    if (failed.length === 0 || failed.length === waiting.length) {
      return { errors: failed.map(({ error }) => error), changed };
    }
    waiting = failed.map(({ whole }) => whole);
  }
}

interface Failure {
  readonly whole: Whole;
  readonly error: VfioIsolateError;
}

/** @returns what somebody else has changed, or the error that stopped it */
async function attempt(
  entry: LiveEntry,
  performer: Performer,
  report: CommandReport,
  force: boolean,
): Promise<readonly string[] | VfioIsolateError> {
  try {
    const { steps, changed, notes } = await kindOf(entry.step).undo(entry, performer.host, force);
    report.notes.push(...(notes ?? []));
    await performer.perform(steps, report);
    return changed ?? [];
  } catch (error) {
    const ours = asOurs(error);
    if (ours.code === 'ABORT_ERR') throw ours;
    return ours;
  }
}

/** An entry and the steps of all that goes with it. */
interface Whole {
  readonly entry: LiveEntry;
  readonly steps: number[];
}

/** A file of a cgroup that goes as a whole needs no undoing of its own. */
function wholes(entries: readonly LiveEntry[]): Whole[] {
  const found = entries.map((entry): Whole => ({ entry, steps: [...entry.steps] }));
  const enclosing = new Map<string, Whole>();
  for (const whole of found) {
    const path = kindOf(whole.entry.step).encloses?.(whole.entry);
    if (path !== undefined) enclosing.set(path, whole);
  }
  return found.filter(({ entry: { step, steps } }) => {
    const whole = step.kind === 'file' ? enclosing.get(dirname(step.target)) : undefined;
    whole?.steps.push(...steps);
    return whole === undefined;
  });
}

/** Brings things back to their first-seen values: for restore and for rollback alike. */
import { asOurs, VfioIsolateError } from '../errors.js';
import { kindOf } from '../steps/registry.js';
import type { Refused } from '../steps/step.js';
import { type Performer, throwIfAborted, turn } from './perform.js';
import type { LiveEntry } from './record/fold.js';
import type { CommandReport } from './report.js';

export interface UndoRun {
  readonly performer: Performer;
  readonly report: CommandReport;
  /** Also what somebody else has changed since. */
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

/** How often new things may appear while they are undone, as tasks that fork do. */
const MOST_ROUNDS = 100;

/**
 * Undoes entries in reverse order, as many as can be. One that fails or waits may need another to be undone first (a
 * cpuset is widened after the one above it), so these are tried again for as long as that helps; what then still waits,
 * and not for one that failed, settles for a nearest equal state.
 * @throws VfioIsolateError `ABORT_ERR`, between two steps
 */
export async function undo(entries: readonly LiveEntry[], run: UndoRun): Promise<Undone> {
  // An entry that is tried again tells the same again.
  const changed = new Set<string>();
  let pending = wholes(entries).reverse();
  let settle = false;
  for (;;) {
    const left: Left[] = [];
    for (const whole of pending) {
      await turn();
      throwIfAborted(run.signal);
      const outcome = await attempt(whole.entry, run, settle);
      for (const line of outcome.changed) changed.add(line);
      if (outcome.error !== undefined) left.push({ whole, error: outcome.error, waits: outcome.waits });
      else if (outcome.changed.length === 0) run.onUndone(whole.steps);
    }
    const stuck = left.length === pending.length;
    if (left.length === 0 || (stuck && (settle || left.some(({ waits }) => !waits)))) {
      return { errors: left.map(({ error }) => error), changed: [...changed] };
    }
    settle = stuck;
    pending = left.map(({ whole }) => whole);
  }
}

/** An entry that could not be undone yet, or not at all. */
interface Left {
  readonly whole: Whole;
  readonly error: VfioIsolateError;
  readonly waits: boolean;
}

interface Attempt {
  readonly changed: readonly string[];
  readonly error?: VfioIsolateError;
  readonly waits: boolean;
}

async function attempt(entry: LiveEntry, run: UndoRun, settle: boolean): Promise<Attempt> {
  const { performer, report, force } = run;
  const kind = kindOf(entry.step);
  try {
    for (let round = 1; ; round++) {
      const { steps, changed = [], waiting, notes = [] } = await kind.undo(entry, performer.host, { force, settle });
      for (const note of notes) if (!report.notes.includes(note)) report.notes.push(note);
      const outcomes = await performer.perform(steps, report);
      const refused = outcomes.flatMap((outcome) => outcome.refused ?? []);
      const again = kind.repeats && performer.isReal && steps.some((step) => step.kind === kind.kind);
      if (again && refused.length === 0 && round < MOST_ROUNDS) continue;
      return { changed, waits: refused.length === 0, ...failure(refused, again ? 'new ones keep appearing' : waiting) };
    }
  } catch (error) {
    const ours = asOurs(error);
    if (ours.code === 'ABORT_ERR') throw ours;
    return { changed: [], error: ours, waits: false };
  }
}

/** What the kernel refuses to take back is not restored, however expected such a refusal is on the way there. */
function failure(refused: readonly Refused[], waiting: string | undefined): { error?: VfioIsolateError } {
  const [first] = refused;
  if (first !== undefined) return { error: new VfioIsolateError('ERR_NOT_HELD', `${first.what}: ${first.reason}`) };
  return waiting === undefined ? {} : { error: new VfioIsolateError('ERR_STATE', waiting) };
}

/** An entry and the steps of all that goes with it. */
interface Whole {
  readonly entry: LiveEntry;
  readonly steps: number[];
}

/** What lies within another entry that goes as a whole needs no undoing of its own: a file of a cgroup that we made. */
function wholes(entries: readonly LiveEntry[]): Whole[] {
  const found = entries.map((entry): Whole => ({ entry, steps: [...entry.steps] }));
  const enclosing = new Map<string, Whole>();
  for (const whole of found) {
    const name = kindOf(whole.entry.step).encloses?.(whole.entry);
    if (name !== undefined) enclosing.set(name, whole);
  }
  return found.filter(({ entry: { step, steps } }) => {
    const name = kindOf(step).within?.(step);
    const whole = name === undefined ? undefined : enclosing.get(name);
    whole?.steps.push(...steps);
    return whole === undefined;
  });
}

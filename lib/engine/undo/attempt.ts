/** One thing of a record is undone as far as that goes now, for as long as new things of it appear. */
import { asOurs, VfioIsolateError } from '../../errors.js';
import { delay } from '../../pause.js';
import { isMarked } from '../../steps/marks.js';
import { kindOf } from '../../steps/registry.js';
import type { OnDone, Outcome, Refused, Step, Undo, Waiting } from '../../steps/step.js';
import type { Performer } from '../perform.js';
import type { CommandReport, StopSignal } from '../report.js';
import type { Marker } from './marker.js';
import type { Whole } from './wholes.js';

export interface UndoRun {
  readonly performer: Performer;
  readonly report: CommandReport;
  /** Also what somebody else has changed since. */
  readonly force: boolean;
  readonly signal?: StopSignal | undefined;
  readonly marker: Marker;
}

/** How often new things may appear while they are undone, as tasks that fork do. */
const MOST_ROUNDS = 100;

/** After so many of them they need not be named any more: fewer than are quiet, for those of which none is ever seen. */
const NAMED_ROUNDS = 10;

/** In it what is being born, and is not listed yet, can be preempted. */
const LOOK_PAUSE_MS = 10;

/** What comes and goes too fast to be seen for so many rounds in a row is given up. */
const QUIET_ROUNDS = 20;

/** What is yet to be undone. */
export interface Pending {
  readonly whole: Whole;
  readonly settle: boolean;
  /** It went a part of the way already. */
  readonly begun: boolean;
}

export interface Attempt {
  readonly changed: readonly string[];
  readonly error?: VfioIsolateError;
  /** What else failed of it. */
  readonly others?: readonly VfioIsolateError[];
  /** What it waits for, where that is all that is wrong. */
  readonly waiting?: Waiting;
  /** Whether it went a part of the way now, which may let others go theirs. */
  readonly partly?: boolean;
}

/** What could not be undone, or was left as somebody else has changed it. */
export type Left = Pending & Attempt;

export async function attempt(
  { whole, settle, begun }: Pending,
  run: UndoRun,
  leaving: ReadonlySet<string>,
  told: Set<string>,
): Promise<Attempt> {
  const { performer, report, force } = run;
  const { entry } = whole;
  const kind = kindOf(entry.step);
  try {
    for (let round = 1, quiet = 0; ; round++) {
      const {
        steps,
        changed = [],
        waiting,
        notes = [],
        missed,
        after = [],
        along,
      } = await kind.undo(entry, performer.host, {
        force,
        settle,
        again: begun || round > 1,
        unnamed: round > NAMED_ROUNDS,
        leaving,
      });
      for (const note of notes) {
        if (!told.has(note)) report.notes.push(note);
        told.add(note);
      }
      const { outcomes, errors } = await bringBack(steps, whole, run, along);
      const [failed, ...others] = errors;
      if (failed !== undefined) return { changed, error: failed, others };
      const refused = outcomes.flatMap((outcome) => outcome.refused ?? []);
      if (refused.length > 0) return { changed, error: refusal(refused) };
      for (const step of after) await bringAlong(step, run);
      const found = steps.some((step) => step.kind === kind.kind && kind.repeats?.(step));
      quiet = found ? 0 : quiet + 1;
      const again = kind.repeats && performer.isReal && (found || (missed !== undefined && quiet < QUIET_ROUNDS));
      if (again && round < MOST_ROUNDS) continue;
      if (!again && performer.isReal && quiet < (kind.quietLooks ?? 1) && round < MOST_ROUNDS) {
        await delay(LOOK_PAUSE_MS);
        continue;
      }
      if (again) return { changed, error: new VfioIsolateError('ERR_STATE', 'new ones keep appearing') };
      if (waiting === undefined) {
        const given = missed !== undefined && performer.isReal;
        return given ? { changed, error: new VfioIsolateError('ERR_STATE', missed.because, missed) } : { changed };
      }
      const error = new VfioIsolateError('ERR_STATE', waiting.because);
      return { changed, error, waiting, partly: !kind.repeats && steps.length > 0 };
    }
  } catch (error) {
    const ours = asOurs(error);
    if (ours.code === 'ABORT_ERR') throw ours;
    return { changed: [], error: ours };
  }
}

/** Tasks are marked as soon as they are back. Where these are many things, what fails of them keeps no other from being tried. */
async function bringBack(
  steps: readonly Step[],
  { entry }: Whole,
  { performer, report, marker }: UndoRun,
  along: Undo['along'],
): Promise<{ outcomes: Outcome[]; errors: VfioIsolateError[] }> {
  const { kind, repeats } = kindOf(entry.step);
  const onDone: OnDone | undefined = isMarked(kind)
    ? (tasks) =>
        marker.tasks(
          kind,
          entry.steps,
          along === undefined ? tasks : tasks.flatMap((task) => along.get(task[0]) ?? [task]),
        )
    : undefined;
  if (repeats === undefined) return { outcomes: await performer.perform(steps, report, onDone), errors: [] };
  const outcomes: Outcome[] = [];
  const errors: VfioIsolateError[] = [];
  for (const step of steps) {
    try {
      outcomes.push(...(await performer.perform([step], report, onDone)));
    } catch (error) {
      const ours = asOurs(error);
      if (ours.code === 'ABORT_ERR') throw ours;
      errors.push(ours);
    }
  }
  return { outcomes, errors };
}

/** What is refused of it is told, and keeps nothing on record. */
async function bringAlong(step: Step, { performer, report }: UndoRun): Promise<void> {
  try {
    await performer.perform([step], report);
  } catch (error) {
    const ours = asOurs(error);
    if (ours.code === 'ABORT_ERR') throw ours;
    report.notes.push(ours.message);
  }
}

/** What the kernel refuses to take back is not restored, however expected such a refusal is on the way there. */
export function refusal(refused: readonly Refused[]): VfioIsolateError {
  const named = refused.slice(0, 3).map(({ what, reason }) => `${what}: ${reason}`);
  const more = refused.length > named.length ? `; and ${refused.length - named.length} more` : '';
  return new VfioIsolateError('ERR_NOT_HELD', named.join('; ') + more);
}

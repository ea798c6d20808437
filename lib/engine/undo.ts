/** Brings things back to their first-seen values: for restore and for rollback alike. */
import { setTimeout as delay } from 'node:timers/promises';
import { asOurs, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { hasMasks, masksBack } from '../steps/masks.js';
import { kindOf } from '../steps/registry.js';
import type { Refused, Step, Waiting } from '../steps/step.js';
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

/** After so many of them they need not be named any more: fewer than are quiet, for those of which none is ever seen. */
const NAMED_ROUNDS = 10;

/** In it what is being born, and is not listed yet, can be preempted. */
const LOOK_PAUSE_MS = 10;

/** What comes and goes too fast to be seen for so many rounds in a row is given up. */
const QUIET_ROUNDS = 20;

/**
 * Undoes entries in reverse order, as many as can be. One that fails, waits, or finds itself changed may need another to
 * be undone first (a cpuset is widened after the one above it), so these are tried again for as long as that helps. What
 * then still waits for nothing that has failed settles for a nearest equal state.
 * @throws VfioIsolateError `ABORT_ERR`, between two steps
 */
export async function undo(entries: readonly LiveEntry[], run: UndoRun): Promise<Undone> {
  let pending = topDown(wholes(entries).reverse(), run.performer.host).map(
    (whole): Pending => ({ whole, settle: false, begun: false }),
  );
  const leaving = new Set(entries.flatMap((entry) => kindOf(entry.step).takesAway?.(entry, run.performer.host) ?? []));
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
      await turn();
      throwIfAborted(run.signal);
      const outcome = await attempt(one, run, leaving, told);
      if (outcome.error === undefined && outcome.changed.length === 0) note(one.whole);
      else left.push({ ...one, ...outcome });
    }
    const stuck = left.length === pending.length && !left.some(({ partly }) => partly);
    const settling = stuck ? toSettle(left, run.performer.host) : new Set();
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
  const { steps, changed } = masksBack(run.performer.host, entries, run);
  const outcomes = await run.performer.perform(steps, run.report);
  const refused = outcomes.flatMap((outcome) => outcome.refused ?? []);
  if (refused.length > 0) return { errors: [refusal(refused)], changed };
  // What else these steps did is undone: a mask that its owner has chosen since keeps none of it on record.
  for (const whole of masked) run.onUndone(stepsOf(whole));
  for (const line of changed) run.report.notes.push(line);
  return { errors: [], changed: [] };
}

/** An entry for each step that one is made of. */
function stepByStep({ parts, steps }: LiveEntry): LiveEntry[] {
  return parts.map((part, index) => ({ step: part.step, parts: [part], steps: steps.slice(index, index + 1) }));
}

const byFirstStep = (a: LiveEntry, b: LiveEntry) => (a.steps[0] ?? 0) - (b.steps[0] ?? 0);

interface Pending {
  readonly whole: Whole;
  readonly settle: boolean;
  /** It went a part of the way already. */
  readonly begun: boolean;
}

interface Attempt {
  readonly changed: readonly string[];
  readonly error?: VfioIsolateError;
  /** What it waits for, where that is all that is wrong. */
  readonly waiting?: Waiting;
  /** Whether it went a part of the way now, which may let others go theirs. */
  readonly partly?: boolean;
}

/** What could not be undone, or was left as somebody else has changed it. */
type Left = Pending & Attempt;

/** Those that settle next: first what has a cgroup take tasks again that others wait for, since then they need not. */
function toSettle(left: readonly Left[], host: Host): ReadonlySet<Whole> {
  const barred = blocked(left, host);
  const free = left.filter(({ whole, settle }) => !settle && !barred.has(whole));
  const awaited = new Set(left.flatMap(({ waiting }) => (typeof waiting?.for === 'object' ? waiting.for : [])));
  const first = free.filter(({ whole: { entry } }) => {
    const cgroup = kindOf(entry.step).admits?.(entry);
    return cgroup !== undefined && awaited.has(cgroup);
  });
  return new Set((first.length > 0 ? first : free).map(({ whole }) => whole));
}

/**
 * Those that have failed, and those that wait for such, through however many others: once that is mended, they need not
 * settle for less.
 */
function blocked(left: readonly Left[], host: Host): ReadonlySet<Whole> {
  const found = new Set<Whole>();
  const kinds = new Set<string>();
  const missing = new Set<string>();
  const closed = new Set<string>();
  const isBlocked = ({ waiting }: Left) => {
    if (waiting === undefined) return true;
    if (typeof waiting.for === 'string') return kinds.has(waiting.for);
    return waiting.for.some((cgroup) => closed.has(cgroup) || andAbove(cgroup).some((path) => missing.has(path)));
  };
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const one of left) {
      const { entry } = one.whole;
      if (found.has(one.whole) || !isBlocked(one)) continue;
      found.add(one.whole);
      const kind = kindOf(entry.step);
      kinds.add(kind.kind);
      const [back, open] = [kind.bringsBack?.(entry, host), kind.admits?.(entry)];
      if (back !== undefined) missing.add(back);
      if (open !== undefined) closed.add(open);
    }
  }
  return found;
}

/** A path and all above it. */
function andAbove(path: string): string[] {
  const names = path.split('/');
  return names.map((_, index) => names.slice(0, names.length - index).join('/'));
}

async function attempt(
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
      const outcomes = await performer.perform(steps, report);
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
function refusal(refused: readonly Refused[]): VfioIsolateError {
  const named = refused.slice(0, 3).map(({ what, reason }) => `${what}: ${reason}`);
  const more = refused.length > named.length ? `; and ${refused.length - named.length} more` : '';
  return new VfioIsolateError('ERR_NOT_HELD', named.join('; ') + more);
}

/** An entry and those that go with it. */
interface Whole {
  readonly entry: LiveEntry;
  readonly inner: LiveEntry[];
}

const entriesOf = ({ entry, inner }: Whole): LiveEntry[] => [entry, ...inner];

const stepsOf = (whole: Whole): number[] => entriesOf(whole).flatMap(({ steps }) => steps);

/** Where lists of cgroups stand, the outermost comes first; all else keeps its place. */
function topDown(all: readonly Whole[], host: Host): Whole[] {
  const depths = new Map<Whole, number>();
  for (const whole of all) {
    const { step } = whole.entry;
    const depth = kindOf(step).depth?.(step, host);
    if (depth !== undefined) depths.set(whole, depth);
  }
  const lists = [...depths].sort(([, a], [, b]) => a - b).map(([whole]) => whole);
  return all.map((whole) => (depths.has(whole) ? (lists.shift() ?? whole) : whole));
}

/** What lies within another entry that goes as a whole needs no undoing of its own: a file of a cgroup that we made. */
function wholes(entries: readonly LiveEntry[]): Whole[] {
  const found = entries.map((entry): Whole => ({ entry, inner: [] }));
  const enclosing = new Map<string, Whole>();
  for (const whole of found) {
    const name = kindOf(whole.entry.step).encloses?.(whole.entry);
    if (name !== undefined) enclosing.set(name, whole);
  }
  return found.filter(({ entry }) => {
    const name = kindOf(entry.step).within?.(entry.step);
    const whole = name === undefined ? undefined : enclosing.get(name);
    whole?.inner.push(entry);
    return whole === undefined;
  });
}

/** Brings things back to their first-seen values: for restore and for rollback alike. */
import type { VfioIsolateError } from '../../errors.js';
import { breathe } from '../../pause.js';
import { hasMasks, recordsMasks } from '../../steps/masks.js';
import { kindOf } from '../../steps/registry.js';
import { throwIfAborted } from '../perform.js';
import type { Live, LiveEntry } from '../record/fold.js';
import { attempt, type Left, type Pending, type UndoRun } from './attempt.js';
import { giveMasksBack } from './masks-back.js';
import { toSettle } from './settling.js';
import { markStanding } from './standing.js';
import { entriesOf, stepByStep, topDown, type Whole, wholes } from './wholes.js';

export interface Undone {
  /** An error for each thing that could not be brought back. */
  readonly errors: readonly VfioIsolateError[];
  /** What somebody else has changed since, and was left. */
  readonly changed: readonly string[];
}

/**
 * Undoes entries in reverse order, as many as can be. One that fails, waits, or finds itself changed may need another to
 * be undone first (a cpuset is widened after the one above it), so these are tried again for as long as that helps. What
 * then still waits for nothing that has failed settles for a nearest equal state. Each is marked as soon as it is undone.
 * @throws VfioIsolateError `ABORT_ERR`, between two steps
 */
export async function undo(live: Live, run: UndoRun): Promise<Undone> {
  const { entries } = live;
  const { host } = run.performer;
  let pending = topDown(wholes(entries).reverse(), host).map(
    (whole): Pending => ({ whole, settle: false, begun: false }),
  );
  const leaving = new Set(entries.flatMap((entry) => kindOf(entry.step).takesAway?.(entry, host, run.force) ?? []));
  // What affinity steps found matters beside masks on record only.
  const owes = [...entries, ...live.owing].some(recordsMasks) ? hasMasks : recordsMasks;
  const owing = [...live.owing];
  const done: Whole[] = [];
  const told = new Set(run.report.notes);
  const note = async (ended: readonly LiveEntry[]) => {
    const [plain, masked]: [number[], number[]] = [[], []];
    for (const entry of ended) {
      const isOwing = owes(entry);
      if (isOwing) owing.push(entry);
      for (const step of entry.steps) (isOwing ? masked : plain).push(step);
    }
    await run.marker.steps(plain, masked);
  };
  for (;;) {
    const left: Left[] = [];
    for (const one of pending) {
      await breathe();
      throwIfAborted(run.signal);
      const outcome = await attempt(one, run, leaving, told);
      if (outcome.error !== undefined || outcome.changed.length > 0) {
        left.push({ ...one, ...outcome });
        continue;
      }
      done.push(one.whole);
      await note(entriesOf(one.whole).flatMap(stepByStep));
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
      const kept: LiveEntry[] = [];
      for (const one of left) {
        const { spent, held } = await markStanding(one, run, leaving);
        await note(spent);
        kept.push(...held);
      }
      const masks = await giveMasksBack(owing, kept, live.marks, run);
      noteWhatRemains(done, run);
      return {
        errors: [
          ...masks,
          ...left.flatMap(({ error, others = [] }) => (error === undefined ? [] : [error, ...others])),
        ],
        changed: left.flatMap(({ changed }) => changed),
      };
    }
    pending = settled;
  }
}

/** Told at the end, since undoing one thing may let the kernel let go of another. */
function noteWhatRemains(done: readonly Whole[], { performer, report }: UndoRun): void {
  for (const { entry } of done) report.notes.push(...(kindOf(entry.step).remains?.(entry, performer.host) ?? []));
}

/**
 * A cpuset is deleted that a record says we made. Then what is recorded of it is undone: its tasks have gone home, and the
 * masks that the kernel overwrote before 6.2 are given back. The record says so once the run holds.
 */
import { basename } from 'node:path';
import { asOurs, type VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { cpusetExists, identityOf } from '../kernel/cpuset.js';
import { masksBack, untilQuiet } from '../steps/masks.js';
import { kindOf } from '../steps/registry.js';
import type { Performer } from './perform.js';
import type { LiveEntry } from './record/fold.js';
import type { UndoRecord } from './record/record.js';
import { liveRecords } from './record/records.js';
import type { CommandReport } from './report.js';
import { stepByStep } from './undo/wholes.js';

/** A part of what a record holds. */
interface Share {
  readonly record: UndoRecord;
  readonly entries: readonly LiveEntry[];
}

export class Unmaking {
  readonly #host: Host;
  readonly #own: UndoRecord | undefined;
  readonly #force: boolean;
  #others: UndoRecord[] | undefined;
  readonly #undone: Share[] = [];

  /** @param own the run's record, if it is to be looked at */
  constructor(host: Host, own: UndoRecord | undefined, force: boolean) {
    this.#host = host;
    this.#own = own;
    this.#force = force;
  }

  /** All that any record holds, that of the earliest run first. */
  recorded(): LiveEntry[] {
    return this.#records().flatMap((record) => record.entries());
  }

  /** Has the steps performed that delete a cpuset, by its directory. */
  async unmake(
    directory: string,
    performer: Performer,
    report: CommandReport,
    act: () => Promise<void>,
  ): Promise<void> {
    const shares = this.#own === undefined ? [] : this.#sharesOf(directory);
    if (this.#own === undefined || shares.length === 0) return act();
    const since = this.#own.nextStep;
    this.#undone.push(...shares);
    await act();
    const done = [...shares.flatMap(({ entries }) => entries), ...this.#own.entries(since)].flatMap(stepByStep);
    const back = await masksBack(this.#host, done, { force: this.#force });
    const { notes } = await untilQuiet(this.#host, back, (steps) => performer.perform(steps, report));
    report.notes.push(...notes, ...back.changed);
    this.#undone.push({ record: this.#own, entries: this.#own.entries(since) });
  }

  /** Called once the run holds. @throws SystemError, VfioIsolateError before any other record was marked */
  async markUndone(): Promise<void> {
    for (const { record, entries } of this.#undone.toReversed()) {
      try {
        await record.markUndone(entries.flatMap(({ steps }) => steps));
        record.settleLink();
      } catch (error) {
        if (record === this.#own) throw error;
        // Another one that cannot be marked is none the worse: its restore finds that the cpuset is gone.
      }
    }
    this.#undone.length = 0;
  }

  /**
   * Called once the run is rolled back: the cpuset is there again, and still ours, though it is another one.
   * @returns errors, each of which leaves it to somebody else for its record
   */
  async claimAgain(): Promise<VfioIsolateError[]> {
    const errors: VfioIsolateError[] = [];
    for (const { record, entries } of this.#undone.splice(0)) {
      for (const entry of entries) {
        const [path, step] = [enclosed(entry), entry.steps.at(-1)];
        if (!path?.startsWith('/') || step === undefined || !cpusetExists(this.#host, path)) continue;
        try {
          await record.ledger(step).append({ made: identityOf(path) });
        } catch (error) {
          errors.push(asOurs(error));
        }
      }
    }
    return errors;
  }

  close(): void {
    for (const record of this.#others ?? []) record.close();
  }

  #records(): UndoRecord[] {
    this.#others ??= liveRecords(this.#host, this.#own?.place.path).reverse();
    return this.#own === undefined ? this.#others : [...this.#others, this.#own];
  }

  /** What is recorded of a cpuset: none if nobody has made it, or somebody else has made it anew. */
  #sharesOf(directory: string): Share[] {
    const isIn = (path: unknown) =>
      typeof path === 'string' && (path === directory || path.startsWith(`${directory}/`));
    const unit = basename(directory);
    /** A slice of systemd goes by its name. */
    const goes = (entry: LiveEntry) =>
      isIn(kindOf(entry.step).takesAway?.(entry, this.#host, this.#force)) || enclosed(entry) === unit;
    const all = this.#records().map((record): Share => ({ record, entries: record.entries() }));
    const entries = all.flatMap((share) => share.entries);
    const going = entries.filter(goes);
    if (!going.some((entry) => enclosed(entry) === directory || enclosed(entry) === unit)) return [];
    const wholes = new Set(going.map(enclosed));
    // Tasks that were moved on from it have their way home by way of it.
    const movedOn = entries.some((entry) => isPopulation(entry) && entry.parts.some(({ step }) => isIn(step.from)));
    const share = (entry: LiveEntry): LiveEntry[] => {
      const whole = kindOf(entry.step).within?.(entry.step);
      if (going.includes(entry) || (whole !== undefined && wholes.has(whole))) return [entry];
      return isPopulation(entry) && !movedOn ? stepByStep(entry).filter(({ step }) => isIn(step.target)) : [];
    };
    return all.map(({ record, entries }) => ({ record, entries: entries.flatMap(share) })).filter(hasEntries);
  }
}

const hasEntries = ({ entries }: Share) => entries.length > 0;

const enclosed = (entry: LiveEntry) => kindOf(entry.step).encloses?.(entry);

const isPopulation = ({ step }: LiveEntry) => kindOf(step).merges === 'kind';

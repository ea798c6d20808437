/** Marks in a record what holds no longer, as soon as that is so. */
import type { Host } from '../../host.js';
import { type TaskId, ticksSinceBoot } from '../../kernel/tasks.js';
import type { Mark, Marked, Marks } from '../../steps/marks.js';
import type { UndoRecord } from '../record/record.js';
import type { CommandReport } from '../report.js';

type Write = (record: UndoRecord) => Promise<void>;

/**
 * A record that cannot be marked is none the worse: what is restored already is found to be so the next time. So a mark
 * that is refused waits for the end, with all that come after it.
 */
export class Marker {
  readonly #record: UndoRecord | undefined;
  readonly #marks: Marks;
  readonly #host: Host;
  #pending: Write[] = [];

  /**
   * @param record undefined in a dry run
   * @param marks that the record has already, which are added to
   */
  constructor(record: UndoRecord | undefined, marks: Marks, host: Host) {
    this.#record = record;
    this.#marks = marks;
    this.#host = host;
  }

  /** These steps hold no longer, and these but for the masks that they have on record. */
  async steps(undone: readonly number[], butMasks: readonly number[] = []): Promise<void> {
    await this.#write((record) => record.markUndone(undone, butMasks));
  }

  /** Tasks hold no longer what these steps gave them, nor what any of the kind did that stands after the first of them. */
  async tasks(of: Marked, steps: readonly number[], tasks: readonly TaskId[]): Promise<void> {
    const last = (this.#record?.nextStep ?? 1) - 1;
    const unmarked = tasks.filter((task) => this.#marks.find(of, last, task) === undefined);
    if (unmarked.length === 0) return;
    const first = steps.reduce((a, b) => Math.min(a, b), last);
    const mark: Mark = { of, first, last, at: ticksSinceBoot(this.#host) };
    this.#marks.add(mark, unmarked);
    await this.#write((record) => record.markTasks({ ...mark, tasks: unmarked }));
  }

  /** Tries once more what could not be written; what cannot be is a note. */
  async finish(report: CommandReport): Promise<void> {
    const error = await this.#flush();
    if (error === undefined) return;
    report.notes.push(`the record could not be marked as undone: ${error instanceof Error ? error.message : error}`);
  }

  async #write(write: Write): Promise<void> {
    if (this.#record === undefined) return;
    const isFree = this.#pending.length === 0;
    this.#pending.push(write);
    if (isFree) await this.#flush();
  }

  /** @returns the first error */
  async #flush(): Promise<unknown> {
    const [pending, record] = [this.#pending, this.#record];
    if (record === undefined) return undefined;
    this.#pending = [];
    let first: unknown;
    for (const write of pending) {
      try {
        await write(record);
      } catch (error) {
        first ??= error;
        this.#pending.push(write);
      }
    }
    return first;
  }
}

/** Marks in a record what holds no longer, as soon as that is so. */
import type { Host } from '../../host.js';
import { type TaskId, ticksSinceBoot } from '../../kernel/tasks.js';
import type { Mark, Marked, Marks } from '../../steps/marks.js';
import type { UndoRecord } from '../record/record.js';
import type { CommandReport } from '../report.js';

type TasksMark = Parameters<UndoRecord['markTasks']>[0];

/**
 * A record that cannot be marked is none the worse: what is restored already is found to be so the next time. So a mark
 * that is refused waits for the end, with all that come after it. There they take less room, and may take the last of it.
 */
export class Marker {
  readonly #record: UndoRecord | undefined;
  readonly #marks: Marks;
  readonly #host: Host;
  /** Marks that wait. */
  readonly #undone: number[] = [];
  readonly #butMasks: number[] = [];
  readonly #tasks: TasksMark[] = [];
  #isRefused = false;

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
    const isWritten = await this.#write((record) => record.markUndone(undone, butMasks));
    if (isWritten) return;
    for (const step of undone) this.#undone.push(step);
    for (const step of butMasks) this.#butMasks.push(step);
  }

  /** Tasks hold no longer what these steps gave them, nor what any of the kind did that stands after the first of them. */
  async tasks(of: Marked, steps: readonly number[], tasks: readonly TaskId[]): Promise<void> {
    const last = (this.#record?.nextStep ?? 1) - 1;
    const unmarked = tasks.filter((task) => this.#marks.find(of, last, task) === undefined);
    if (unmarked.length === 0) return;
    const first = steps.reduce((a, b) => Math.min(a, b), last);
    const mark: Mark = { of, first, last, at: ticksSinceBoot(this.#host) };
    this.#marks.add(mark, unmarked);
    const line = { ...mark, tasks: unmarked };
    if (!(await this.#write((record) => record.markTasks(line)))) this.#tasks.push(line);
  }

  /** Tries once more what could not be written; what cannot be is a note. */
  async finish(report: CommandReport): Promise<void> {
    const record = this.#record;
    if (record === undefined || !this.#isRefused) return;
    try {
      await record.markUndone(this.#undone, this.#butMasks, true);
      for (const line of this.#tasks) await record.markTasks(line);
    } catch (error) {
      report.notes.push(`the record could not be marked as undone: ${error instanceof Error ? error.message : error}`);
    }
  }

  async #write(write: (record: UndoRecord) => Promise<void>): Promise<boolean> {
    if (this.#record === undefined) return true;
    if (this.#isRefused) return false;
    try {
      await write(this.#record);
    } catch {
      this.#isRefused = true;
    }
    return !this.#isRefused;
  }
}

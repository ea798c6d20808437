/** The undo record of a run: appended ahead of every change, read back to undo. */
import { closeSync } from 'node:fs';
import { VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { bootId } from '../../kernel/boot.js';
import { native } from '../../native.js';
import type { Ledger, Step } from '../../steps/step.js';
import { packageVersion } from '../../version.js';
import { createFile, type ExistingFile, openExisting, readFrom } from './file.js';
import { fold, holds, type Live, type LiveEntry, lastStep } from './fold.js';
import { encodeLine, FORMAT, type Line, type UndoneTasks, VERSION } from './line.js';
import { type Parsed, parseRecord } from './parse.js';
import { MAX_BYTES, MAX_READ } from './safety.js';
import { Tail } from './tail.js';

/** What opening a record found. */
export type Condition =
  /** Not even its first line is there, which every run writes before the file takes its name. */
  | 'empty'
  /** Something of it still holds. */
  | 'live'
  /** All of it has been undone, or it never held anything. */
  | 'spent'
  /** It is of an earlier boot, whatever else it holds. */
  | 'stale';

const EMPTY: Parsed = { lines: [], length: 0, torn: false, stale: false };
const IN_MEMORY = 'in memory';

export class UndoRecord {
  readonly condition: Condition;
  /** Whether a last line was found that was cut short while it was written, and so never acted upon. */
  readonly torn: boolean;
  readonly #host: Host;
  readonly #path: string;
  readonly #tail: Tail;
  #lastStep: number;
  /** What was found when it was opened, until something is appended. */
  #found: Parsed | undefined;

  private constructor(host: Host, file: ExistingFile, path: string, found: Parsed) {
    this.#host = host;
    this.#path = path;
    this.#tail = new Tail(file, path, found.length);
    this.#lastStep = lastStep(found.lines);
    this.#found = found;
    this.torn = found.torn;
    this.condition = conditionOf(found);
  }

  /**
   * The record for a run that changes things: a live one is continued, any other starts anew. Without a path it is kept
   * in memory, for the rollback.
   * @throws SystemError; VfioIsolateError `ERR_RECORD` for a file that is no record of ours
   */
  static async forRun(host: Host, path: string | undefined): Promise<UndoRecord> {
    if (path === undefined) return UndoRecord.#begin(host, native().memoryFile(), IN_MEMORY);
    const found = UndoRecord.find(host, path);
    if (found?.condition === 'live') return found;
    found?.close();
    const file = createFile(path);
    try {
      const record = await UndoRecord.#begin(host, file.fd, path);
      file.commit();
      return record;
    } catch (error) {
      file.discard();
      throw error;
    }
  }

  /** An existing record. @throws SystemError; VfioIsolateError `ERR_RECORD` */
  static toRestore(host: Host, path: string): UndoRecord {
    const record = UndoRecord.find(host, path);
    if (record !== undefined) return record;
    throw new VfioIsolateError('ERR_RECORD', `there is no undo record ${path}`, {
      remedy: 'give the path that was given to -u; where that run never began, there is nothing to restore',
    });
  }

  /** The same, or undefined where there is none. */
  static find(host: Host, path: string): UndoRecord | undefined {
    const file = openExisting(path);
    if (file === undefined) return undefined;
    try {
      return new UndoRecord(host, file, path, parseRecord(host, path, readFrom(file.fd, 0)));
    } catch (error) {
      closeSync(file.fd);
      throw error;
    }
  }

  static async #begin(host: Host, fd: number, path: string): Promise<UndoRecord> {
    const record = new UndoRecord(host, { fd }, path, EMPTY);
    const [boot, tool] = [bootId(host), packageVersion()];
    await record.#append([{ type: 'header', format: FORMAT, version: VERSION, boot, tool, time: now() }]);
    return record;
  }

  /** The number of the next step. */
  get nextStep(): number {
    return this.#lastStep + 1;
  }

  /** Writes steps ahead of their being applied, durably. @returns the number of the first */
  async writeSteps(command: string, steps: readonly Step[]): Promise<number> {
    const first = this.nextStep;
    await this.#append(
      steps.map((change, index): Line => ({ type: 'step', step: first + index, command, change: { ...change } })),
    );
    this.#lastStep += steps.length;
    return first;
  }

  /**
   * Notes that these steps hold no longer, and these but for the masks that they have on record. Not flushed to disk: what
   * it is about ends with the kernel.
   * @param isEnd whether nothing follows: then it may take the last of the room
   */
  async markUndone(steps: readonly number[], butMasks: readonly number[] = [], isEnd = false): Promise<void> {
    const lines: Line[] = [];
    if (steps.length > 0) lines.push({ type: 'undone', steps: [...steps], time: now() });
    if (butMasks.length > 0) lines.push({ type: 'undone-but-masks', steps: [...butMasks], time: now() });
    await this.#write(lines, isEnd ? MAX_READ : MAX_BYTES);
  }

  /** Notes that tasks hold no longer what steps gave them; likewise not flushed, and only where a step could be recorded. */
  async markTasks(mark: Omit<UndoneTasks, 'type'>): Promise<void> {
    await this.#write([{ type: 'undone-tasks', ...mark }], MAX_BYTES);
  }

  async markCommitted(): Promise<void> {
    await this.#append([{ type: 'committed', time: now() }]);
  }

  /** Where a step that is being applied writes what it finds. */
  ledger(step: number): Ledger {
    return {
      append: (detail) => this.#append([{ type: 'detail', step, ...detail }]),
      lend: (use) => {
        this.#found = undefined;
        return this.#tail.lend(`"type":"detail","step":${step}`, MAX_BYTES, use);
      },
    };
  }

  /** All that still holds of the steps from a number on. */
  live(since = 1): Live {
    const { lines } = this.#found ?? parseRecord(this.#host, this.#path, this.#tail.text());
    return fold(lines, since);
  }

  /** The things that are still changed, in the order in which they were first touched. */
  entries(since = 1): readonly LiveEntry[] {
    return this.live(since).entries;
  }

  close(): void {
    this.#tail.close();
  }

  async #append(lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return;
    this.#found = undefined;
    // Without its end, a record that is full would be undone again by every restore.
    const longest = lines.every(({ type }) => type === 'committed') ? MAX_READ : MAX_BYTES;
    await this.#tail.append(Buffer.from(lines.map(encodeLine).join('')), longest);
  }

  async #write(lines: readonly Line[], longest: number): Promise<void> {
    if (lines.length === 0) return;
    this.#found = undefined;
    await this.#tail.write(Buffer.from(lines.map(encodeLine).join('')), longest);
  }
}

function conditionOf({ lines, stale }: Parsed): Condition {
  if (lines.length === 0) return 'empty';
  if (stale) return 'stale';
  return holds(lines) ? 'live' : 'spent';
}

const now = () => new Date().toISOString();

/** The undo record of a run: appended ahead of every change, read back to undo. */
import { closeSync, rmSync } from 'node:fs';
import { VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { bootId } from '../../kernel/boot.js';
import { native } from '../../native.js';
import type { Ledger, Step } from '../../steps/step.js';
import { packageVersion } from '../../version.js';
import { createFile, type ExistingFile, isInPlace, openExisting, type Place, readFrom } from './file.js';
import { fold, type Live, type LiveEntry, lastStep, liveSteps } from './fold.js';
import { encodeLine, FORMAT, type Header, type Line, type RunLine, type UndoneTasks, VERSION } from './line.js';
import { putLink, takeLink } from './link.js';
import type { Name } from './name.js';
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
const IN_MEMORY: Place = { path: '', name: 'in memory' };

export class UndoRecord {
  readonly condition: Condition;
  /** Whether a last line was found that was cut short while it was written, and so never acted upon. */
  readonly torn: boolean;
  readonly place: Place;
  /** Undefined if it is empty. */
  readonly header: Header | undefined;
  /** The runs that wrote it, in order. */
  readonly runs: readonly RunLine[];
  readonly #host: Host;
  readonly #fd: number;
  readonly #tail: Tail;
  #lastStep: number;
  /** Numbers of the steps that hold and that an undo takes back. */
  readonly #holding: Set<number>;
  /** What was found when it was opened, until something is appended. */
  #found: Parsed | undefined;
  #isLinked = false;
  /** The line that tells of the present run, until it is written. */
  #run: RunLine | undefined;

  private constructor(host: Host, file: ExistingFile, place: Place, found: Parsed) {
    this.#host = host;
    this.place = place;
    this.#fd = file.fd;
    this.#tail = new Tail(file, place, found.length);
    this.#lastStep = lastStep(found.lines);
    this.#found = found;
    this.#holding = new Set(found.stale ? [] : liveSteps(found.lines).map(({ step }) => step));
    const [first] = found.lines;
    this.header = first?.type === 'header' ? first : undefined;
    this.runs = found.lines.filter((line) => line.type === 'run');
    this.torn = found.torn;
    this.condition = found.lines.length === 0 ? 'empty' : found.stale ? 'stale' : this.holds ? 'live' : 'spent';
  }

  /** An existing one, or undefined. @throws SystemError; VfioIsolateError `ERR_RECORD` for a file that is no record of ours */
  static open(host: Host, place: Place): UndoRecord | undefined {
    const file = openExisting(place);
    if (file === undefined) return undefined;
    try {
      return new UndoRecord(host, file, place, parseRecord(host, place.name, readFrom(file.fd, 0)));
    } catch (error) {
      closeSync(file.fd);
      throw error;
    }
  }

  /** A new one, in the place of whatever is there. @param name of a record that has one */
  static async create(host: Host, place: Place, name?: Name): Promise<UndoRecord> {
    const file = createFile(place.path);
    try {
      const record = await UndoRecord.#begin(host, file.fd, place, name);
      file.commit();
      return record;
    } catch (error) {
      file.discard();
      throw error;
    }
  }

  /** One for the rollback alone. */
  static inMemory(host: Host): Promise<UndoRecord> {
    return UndoRecord.#begin(host, native().memoryFile(), IN_MEMORY);
  }

  static async #begin(host: Host, fd: number, place: Place, name?: Name): Promise<UndoRecord> {
    const [boot, tool] = [bootId(host), packageVersion()];
    const naming = name && { name: name.key, spelled: name.spelled };
    const header: Header = { type: 'header', format: FORMAT, version: VERSION, boot, tool, time: now(), ...naming };
    const text = Buffer.from(encodeLine(header));
    await new Tail({ fd }, place, 0).append(text, MAX_BYTES);
    return new UndoRecord(host, { fd }, place, { ...EMPTY, lines: [header], length: text.length });
  }

  /** Whether anything of it still holds that an undo would take back. */
  get holds(): boolean {
    return this.#holding.size > 0;
  }

  /** The number of the next step. */
  get nextStep(): number {
    return this.#lastStep + 1;
  }

  /** From now on it is a run's, which is told ahead of its first step. @param commandLine that asked for it */
  beginRun(commandLine: string): void {
    this.#run = { type: 'run', time: now(), command: commandLine };
  }

  /** Writes steps ahead of their being applied. @returns the number of the first */
  async writeSteps(command: string, steps: readonly Step[]): Promise<number> {
    const first = this.nextStep;
    this.#requireInPlace();
    const lines = steps.map((change, index): Line & { type: 'step' } => {
      return { type: 'step', step: first + index, command, change: { ...change } };
    });
    if (lines.length === 0) return first;
    await this.#append([...(this.#run === undefined ? [] : [this.#run]), ...lines]);
    this.#run = undefined;
    this.#lastStep += steps.length;
    for (const line of lines) this.#holding.add(line.step);
    this.#putLink();
    return first;
  }

  /**
   * Notes that these steps hold no longer, and these but for the masks that they have on record.
   * @param isEnd whether nothing follows: then it may take the last of the room
   */
  async markUndone(steps: readonly number[], butMasks: readonly number[] = [], isEnd = false): Promise<void> {
    const lines: Line[] = [];
    if (steps.length > 0) lines.push({ type: 'undone', steps: [...steps], time: now() });
    if (butMasks.length > 0) lines.push({ type: 'undone-but-masks', steps: [...butMasks], time: now() });
    await this.#append(lines, isEnd ? MAX_READ : MAX_BYTES);
    for (const step of steps) this.#holding.delete(step);
  }

  /** Notes that tasks hold no longer what steps gave them, as far as there is room for a step. */
  async markTasks(mark: Omit<UndoneTasks, 'type'>): Promise<void> {
    await this.#append([{ type: 'undone-tasks', ...mark }]);
  }

  /** @throws VfioIsolateError `ERR_RECORD` if somebody has removed it: what was done could not be undone later */
  async markCommitted(): Promise<void> {
    this.#requireInPlace();
    await this.#append([{ type: 'committed', time: now() }], MAX_READ);
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
    const { lines } = this.#found ?? parseRecord(this.#host, this.place.name, this.#tail.text());
    return fold(lines, since);
  }

  /** The things that are still changed, in the order in which they were first touched. */
  entries(since = 1): readonly LiveEntry[] {
    return this.live(since).entries;
  }

  /** Takes its name's link away if it holds nothing any more. */
  settleLink(): void {
    const name = this.header?.name;
    if (name !== undefined && !this.holds) takeLink(name, this.place.path);
  }

  /** Removes it from the store. */
  remove(): void {
    if (this.#isInPlace()) rmSync(this.place.path);
  }

  close(): void {
    this.#tail.close();
  }

  /** Has its name's link lead to it, once something holds. */
  #putLink(): void {
    const name = this.header?.name;
    if (name === undefined || !this.holds || this.#isLinked) return;
    putLink(name, this.place.path);
    this.#isLinked = true;
  }

  #isInPlace(): boolean {
    return this.place !== IN_MEMORY && isInPlace(this.place.path, this.#fd);
  }

  #requireInPlace(): void {
    if (this.place === IN_MEMORY || this.#isInPlace()) return;
    throw new VfioIsolateError('ERR_RECORD', `undo record ${this.place.name} was removed while the run wrote to it`, {
      remedy: `find out what removes files in /run/vfio-isolate, and have that stop`,
    });
  }

  /** @param longest that the record may become: without its end, one that is full would be undone again by every restore */
  async #append(lines: readonly Line[], longest = MAX_BYTES): Promise<void> {
    if (lines.length === 0) return;
    this.#found = undefined;
    await this.#tail.append(Buffer.from(lines.map(encodeLine).join('')), longest);
  }
}

const now = () => new Date().toISOString();

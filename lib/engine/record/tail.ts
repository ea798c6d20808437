/** The end of a record's file, where lines are appended: right behind the last whole one, whatever else is there. */
import { closeSync, fstatSync, ftruncateSync } from 'node:fs';
import { isSystemError, type SystemError, VfioIsolateError } from '../../errors.js';
import { BEYOND_LIMIT, type MoveRecord, native } from '../../native.js';
import { type ExistingFile, explained, explaining, type Place, readFrom } from './file.js';
import { isLine } from './line.js';

export class Tail {
  readonly #fd: number;
  readonly #unwritable: SystemError | undefined;
  readonly #path: string;
  readonly #name: string;
  /** Length of the whole lines. */
  #length: number;

  /** @param length of the whole lines that are there */
  constructor({ fd, unwritable }: ExistingFile, { path, name }: Place, length: number) {
    this.#fd = fd;
    this.#unwritable = unwritable;
    this.#path = path;
    this.#name = name;
    this.#length = length;
  }

  /** The whole lines. */
  text(): string {
    return readFrom(this.#fd, 0, this.#length);
  }

  /** Appends lines, durably. @param longest that the record may become */
  async append(lines: Uint8Array, longest: number): Promise<void> {
    this.#prepare();
    if (this.#length + lines.length > longest) throw this.#full(longest);
    try {
      this.#length = await native().append(this.#fd, this.#length, lines);
    } catch (error) {
      throw explained(error, this.#path);
    }
  }

  /** Has native code append details of its own. @param members that each of them begins with */
  async lend<T>(members: string, longest: number, use: (record: MoveRecord) => Promise<T>): Promise<T> {
    this.#prepare();
    try {
      const result = await use({ fd: this.#fd, offset: this.#length, limit: longest, members });
      this.#length = fstatSync(this.#fd).size;
      return result;
    } catch (error) {
      // Its earlier batches are there; of the last one there may be a part that could not be cut off.
      this.#length += lengthOfLines(readFrom(this.#fd, this.#length));
      // What was refused of a kernel file has that one's path; of the record the native code knows none.
      if (!isSystemError(error) || error.path !== undefined) throw error;
      throw error.syscall === BEYOND_LIMIT ? this.#full(longest) : explained(error, this.#path);
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** What is appended must not follow the rest of a line that was cut short. */
  #prepare(): void {
    if (this.#unwritable !== undefined) throw this.#unwritable;
    explaining(this.#path, () => {
      if (fstatSync(this.#fd).size > this.#length) ftruncateSync(this.#fd, this.#length);
    });
  }

  /** It would be refused by whoever is to restore it. */
  #full(longest: number): VfioIsolateError {
    const message = `undo record ${this.#name} is full: it would become longer than ${longest / 1024 / 1024} MiB`;
    return new VfioIsolateError('ERR_RECORD', message, {
      remedy: 'restore it, or give -u another file; what is too much for any has to be done in parts',
    });
  }
}

/** Bytes of the whole lines that a text begins with. */
function lengthOfLines(text: string): number {
  const lines = text.split('\n').slice(0, -1);
  const bad = lines.findIndex((line) => !isLine(line));
  const whole = bad < 0 ? lines : lines.slice(0, bad);
  return whole.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}

/** The end of a record's file, where lines are appended: right behind the last whole one, whatever else is there. */
import { closeSync, fstatSync, ftruncateSync, write } from 'node:fs';
import { isSystemError, SystemError, VfioIsolateError } from '../../errors.js';
import { BEYOND_LIMIT, type MoveRecord, native } from '../../native.js';
import { type ExistingFile, explained, explaining, type Place, readFrom } from './file.js';
import { isLine } from './line.js';

const EIO = -5;

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

  /** Appends lines, not flushed to disk. @param longest that the record may become */
  async write(lines: Uint8Array, longest: number): Promise<void> {
    this.#prepare();
    if (this.#length + lines.length > longest) throw this.#full(longest);
    try {
      const put = await writeAt(this.#fd, lines, this.#length);
      if (put < lines.length) {
        // A full disk takes what fits, and says why only if asked for the rest.
        await writeAt(this.#fd, lines.subarray(put), this.#length + put);
        throw new SystemError({ errno: EIO, syscall: 'write' });
      }
    } catch (error) {
      this.#cut();
      throw explained(error, this.#path);
    }
    this.#length += lines.length;
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

  /** The first error is the one to report, whatever becomes of this. */
  #cut(): void {
    try {
      ftruncateSync(this.#fd, this.#length);
    } catch {}
  }

  /** It would be refused by whoever is to restore it. */
  #full(longest: number): VfioIsolateError {
    const message = `undo record ${this.#name} is full: it would become longer than ${longest / 1024 / 1024} MiB`;
    return new VfioIsolateError('ERR_RECORD', message, {
      remedy: 'restore it, or give -u another file; what is too much for any has to be done in parts',
    });
  }
}

/** @returns how many bytes were written */
function writeAt(fd: number, bytes: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, 0, bytes.length, position, (error, put) => (error === null ? resolve(put) : reject(error)));
  });
}

/** Bytes of the whole lines that a text begins with. */
function lengthOfLines(text: string): number {
  const lines = text.split('\n').slice(0, -1);
  const bad = lines.findIndex((line) => !isLine(line));
  const whole = bad < 0 ? lines : lines.slice(0, bad);
  return whole.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}

/** A record is read and acted upon by root: nobody else may have been able to write it. */
import type { Stats } from 'node:fs';
import { VfioIsolateError } from '../../errors.js';

/** What is longer is not read. */
export const MAX_READ = 64 * 1024 * 1024;
/** Nothing is recorded beyond this; the rest is for the lines that say what of it holds, of some 8 bytes a step. */
export const MAX_BYTES = MAX_READ - 8 * 1024 * 1024;

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Nobody but root may write to the store, but root may have copied or linked something there.
 * @param name of the record, for messages
 * @throws VfioIsolateError `ERR_RECORD` for a file that others can have written, or that is none
 */
export function requireOwnFile(name: string, path: string, stats: Stats): void {
  const refuse = (why: string) => {
    throw new VfioIsolateError('ERR_RECORD', `undo record ${name} ${why}`, {
      remedy: `it was not left so: find out what touched ${path}`,
    });
  };
  if (!stats.isFile()) refuse('is not a regular file');
  if (stats.nlink !== 1) refuse(`has ${stats.nlink} names (hard links)`);
  if (stats.uid !== process.geteuid?.()) refuse(`belongs to another user (uid ${stats.uid})`);
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) refuse('may be written by others');
  if (stats.size > MAX_READ) refuse(`is larger than ${MAX_READ / 1024 / 1024} MiB`);
}

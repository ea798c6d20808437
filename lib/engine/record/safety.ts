/** A record is read and acted upon by root: nobody else may have been able to write it. */
import type { Stats } from 'node:fs';
import { VfioIsolateError } from '../../errors.js';

/** What is longer is not read. */
export const MAX_READ = 64 * 1024 * 1024;
/** Nothing is recorded beyond this; the rest is for the lines that say what of it holds, of some 8 bytes a step. */
export const MAX_BYTES = MAX_READ - 8 * 1024 * 1024;

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** @throws VfioIsolateError `ERR_RECORD` for a file that others can have written, or that is none */
export function requireOwnFile(path: string, stats: Stats): void {
  if (!stats.isFile()) throw refused(path, 'is not a regular file');
  if (stats.nlink !== 1) throw refused(path, `has ${stats.nlink} names (hard links)`);
  if (stats.uid !== process.geteuid?.()) throw refused(path, `belongs to another user (uid ${stats.uid})`);
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) throw refused(path, 'may be written by others');
  if (stats.size > MAX_READ) throw refused(path, `is larger than ${MAX_READ / 1024 / 1024} MiB`);
}

/**
 * A directory that another user owns, or that others may write to without the sticky bit, lets them put something else
 * in the place of what lies in it.
 * @param path of the record, for messages
 * @throws VfioIsolateError `ERR_RECORD`
 */
export function requireOwnDirectory(path: string, directory: string, { mode, uid }: Stats): void {
  const shared = (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
  if (shared || isForeign(uid)) throw refused(path, `lies below ${directory}, which others may write to`);
}

/**
 * Its owner may put another in its place, also in a sticky directory.
 * @throws VfioIsolateError `ERR_RECORD`
 */
export function requireOwnLink(path: string, link: string, { uid }: Stats): void {
  if (isForeign(uid)) throw refused(path, `leads through the link ${link}, which belongs to another user (uid ${uid})`);
}

function isForeign(uid: number): boolean {
  return uid !== 0 && uid !== process.geteuid?.();
}

function refused(path: string, why: string): VfioIsolateError {
  return new VfioIsolateError('ERR_RECORD', `undo record ${path} ${why}`, {
    remedy: 'name a file that only root can write, such as one below /run',
  });
}

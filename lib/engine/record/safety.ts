/** A record is read and acted upon by root: nobody else may have been able to write it. */
import { type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fromNode, VfioIsolateError } from '../../errors.js';

/** No run appends beyond this: enough for a million tasks, of some 20 bytes each. */
export const MAX_BYTES = 32 * 1024 * 1024;
/** One last batch may have gone beyond it. */
const MAX_READ = 2 * MAX_BYTES;

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
 * A directory that another user owns, or that others may write to without the sticky bit, lets them put another file in
 * the record's place; so does one above it.
 * @throws VfioIsolateError `ERR_RECORD`; SystemError where there is no such directory
 */
export function requireOwnDirectory(realPath: string): void {
  for (let directory = dirname(realPath); ; directory = dirname(directory)) {
    const { mode, uid } = look(directory);
    const shared = (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
    if (shared || (uid !== 0 && uid !== process.geteuid?.())) {
      throw refused(realPath, `lies below ${directory}, which others may write to`);
    }
    if (directory === '/') return;
  }
}

function look(directory: string): Stats {
  try {
    return statSync(directory);
  } catch (error) {
    throw fromNode(error);
  }
}

function refused(path: string, why: string): VfioIsolateError {
  return new VfioIsolateError('ERR_RECORD', `undo record ${path} ${why}`, {
    remedy: 'name a file that only root can write, such as one below /run',
  });
}

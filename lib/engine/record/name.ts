/**
 * The name of a record is a path, as `-u` has it, though the record does not lie there. It has to be found again whatever
 * becomes of the folders on that path: a daemon may be given one of them, and anybody who may write to one may put a link
 * there. So links are followed only as far as nobody but root can change the way.
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fromNode, UsageError } from '../../errors.js';

export interface Name {
  /** The path in full; `.`, `..` and `//` are taken out of its text. */
  readonly spelled: string;
  /** The same with links resolved in the part of the way that is root's alone: two such names are one. */
  readonly key: string;
  /** Whether the whole way to it is root's alone. */
  readonly isOwn: boolean;
}

const WRITABLE_BY_OTHERS = 0o022;
/** As many links as the kernel follows (path_resolution(7)). */
const MOST_LINKS = 40;

/** @throws UsageError for a path that can name nothing; SystemError if the working directory is gone */
export function nameOf(path: string): Name {
  if (path === '') throw new UsageError('the undo record has an empty name');
  if (path.includes('\0')) throw new UsageError('the name of the undo record has a NUL character');
  const spelled = inFull(path);
  const ahead = partsOf(dirname(spelled));
  let at = '/';
  for (let links = 0; links <= MOST_LINKS; ) {
    const [part] = ahead;
    if (part === undefined) return { spelled, key: join(at, basename(spelled)), isOwn: true };
    const target = wayOn(join(at, part));
    if (target === undefined) break;
    ahead.shift();
    if (typeof target === 'string') {
      links++;
      ahead.unshift(...partsOf(target));
      if (target.startsWith('/')) at = '/';
    } else {
      at = join(at, part);
    }
  }
  return { spelled, key: join(at, ...ahead, basename(spelled)), isOwn: false };
}

function inFull(path: string): string {
  try {
    return resolve(path);
  } catch (error) {
    throw fromNode(error);
  }
}

const partsOf = (path: string) => path.split('/').filter((part) => part !== '' && part !== '.');

/** Where a link of ours leads, or whether it is a directory; undefined for anything else. */
function wayOn(path: string): string | true | undefined {
  try {
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) return isOurs(stats.uid) ? readlinkSync(path) : undefined;
    // Whoever may write to a directory may put another thing in the place of what lies there; if it is sticky, a new one.
    const isOwn = stats.isDirectory() && isOurs(stats.uid) && (stats.mode & WRITABLE_BY_OTHERS) === 0;
    return isOwn ? true : undefined;
  } catch {
    // Whatever cannot be looked at is not followed.
    return undefined;
  }
}

const isOurs = (uid: number) => uid === 0 || uid === process.geteuid?.();

/** The way to a record, walked link by link: whoever may change a part of it could put another record in its place. */
import { lstatSync, readlinkSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { SystemError } from '../../errors.js';
import { requireOwnDirectory, requireOwnLink } from './safety.js';

/** As many as the kernel follows (path_resolution(7)). */
const MOST_LINKS = 40;

const ELOOP = -40;

/**
 * The path of a record, there or not, without the links that lead to its directory. Since nobody else may change any
 * part of the way, what is done by this path afterwards meets the same directory.
 * @throws VfioIsolateError `ERR_RECORD` for a directory or a link on the way that others may change; errors of `node:fs`
 */
export function wayTo(path: string): string {
  // Not made plain before: a `..` after a link is meant from where the link leads to.
  const whole = isAbsolute(path) ? path : `${process.cwd()}/${path}`;
  const ahead = dirname(whole).split('/');
  let at = '/';
  let links = 0;
  for (let part = ahead.shift(); part !== undefined; part = ahead.shift()) {
    const next = join(at, part);
    const stats = lstatSync(next);
    if (!stats.isSymbolicLink()) {
      requireOwnDirectory(path, next, stats);
      at = next;
      continue;
    }
    if (++links > MOST_LINKS) throw new SystemError({ errno: ELOOP, syscall: 'readlink', path: next });
    requireOwnLink(path, next, stats);
    const target = readlinkSync(next);
    if (isAbsolute(target)) at = '/';
    ahead.unshift(...target.split('/'));
  }
  return join(at, basename(whole));
}

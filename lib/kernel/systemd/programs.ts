/** Where systemd's programs are: in root's own places, since root runs them. PATH is the caller's, and is not asked. */
import { lstatSync, readlinkSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fromNode, isSystemError, VfioIsolateError } from '../../errors.js';

/** Most hosts, an unmerged /bin, NixOS. */
const PLACES = ['/usr/bin', '/bin', '/run/current-system/sw/bin'];

/** The kernel follows as many links in a path (path_resolution(7)). */
const MOST_LINKS = 40;

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const EXECUTABLE = 0o111;

/**
 * The absolute path of a program that nobody but root can have put there.
 * @throws VfioIsolateError `ERR_UNSUPPORTED`, which says of each place why it has none
 */
export function findProgram(name: string, places: readonly string[] = PLACES): string {
  const reasons: string[] = [];
  for (const place of places) {
    const path = `${place}/${name}`;
    const reason = distrust(path);
    if (reason === undefined) return path;
    reasons.push(`${path} (${reason})`);
  }
  throw new VfioIsolateError('ERR_UNSUPPORTED', `${name} is not where it was looked for: ${reasons.join(', ')}`, {
    remedy: "install systemd's programs in one of these places, owned by root and writable by nobody else",
  });
}

/** @returns why root should not run what is there; undefined if root alone can have put it there */
function distrust(path: string): string | undefined {
  try {
    return reasonAlong(path);
  } catch (error) {
    const system = fromNode(error);
    if (isSystemError(system, 'ENOENT', 'ENOTDIR')) return 'not there';
    if (isSystemError(system)) return system.code;
    throw error;
  }
}

/** Looks at each directory and link on the way from the root on, and at the file. */
function reasonAlong(path: string): string | undefined {
  const ahead = path.split('/');
  let [at, links, stats] = ['/', 0, lstatSync('/')];
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    const next = join(at, name);
    stats = lstatSync(next);
    if (stats.uid !== 0) return `${next} belongs to user ${stats.uid}`;
    if (stats.isSymbolicLink()) {
      if (++links > MOST_LINKS) return 'too many links';
      const target = readlinkSync(next);
      if (isAbsolute(target)) at = '/';
      ahead.unshift(...target.split('/'));
      continue;
    }
    // In a sticky directory nobody else can replace what is root's, as in the store of NixOS.
    const isSticky = stats.isDirectory() && (stats.mode & STICKY) !== 0;
    if ((stats.mode & WRITABLE_BY_OTHERS) !== 0 && !isSticky) return `others may write to ${next}`;
    at = next;
  }
  return stats.isFile() && (stats.mode & EXECUTABLE) !== 0 ? undefined : 'not a program';
}

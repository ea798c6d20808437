/**
 * V8's code cache of a script of this package, in a folder beside it. So who could change it could change the script as
 * well, and who removes the package removes it.
 *
 * On disk V8's data stands twice, and is taken where both are the same: V8 does not look whether it is whole, and would
 * end the process for one wrong bit; of all that a bare Node has at its start, to compare is the quickest check. Behind
 * it stand, on a line, which script it is of, and what the runs did whose functions are in it.
 *
 * This is compiled at every start: what writes it is not here but in code-cache-update.ts.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';

export interface CodeCache {
  readonly folder: string;
  readonly file: string;
  /** UID of who has the script. */
  readonly owner: number;
  /** V8 knows a script by its length alone. Whatever puts another in its place changes this; nobody can set a ctime. */
  readonly stamp: string;
  /** Undefined where there is none that may be run. */
  readonly data?: Buffer;
  readonly parts: readonly string[];
}

const OTHERS_WRITE = 0o022;

/** What is kept of a script. @param name of the script @param script its file */
export function readCache(folder: string, name: string, { ino, size, ctimeMs, uid: owner }: Stats): CodeCache {
  const file = `${folder}/${name}-${process.version}-${process.arch}`;
  const stamp = `${ino}:${size}:${ctimeMs}`;
  const nothing = { folder, file, owner, stamp, parts: [] };
  try {
    if (!isOf(owner, lstatSync(folder))) return nothing;
    const { bytes, stats } = readFile(file, constants.O_NOFOLLOW);
    const end = bytes.lastIndexOf('\n');
    const data = bytes.subarray(0, end / 2);
    if (!isOf(owner, stats) || !data.equals(bytes.subarray(end / 2, end))) return nothing;
    const [of, ...parts] = bytes.toString('latin1', end + 1).split(' ');
    return of === stamp ? { ...nothing, data, parts } : nothing;
  } catch {
    return nothing;
  }
}

/** No link, and nobody else may write to it: what it holds is run. */
export function isOf(owner: number, { uid, mode }: Stats): boolean {
  return uid === owner && (mode & OTHERS_WRITE) === 0 && (mode & constants.S_IFMT) !== constants.S_IFLNK;
}

/** By few calls, the same for all files: at a start the first call of each has Node compile it. */
export function readFile(path: string, flags = 0): { bytes: Buffer; stats: Stats } {
  const fd = openSync(path, constants.O_RDONLY | flags);
  try {
    const stats = fstatSync(fd);
    const bytes = Buffer.allocUnsafeSlow(stats.size);
    return { bytes: bytes.subarray(0, readSync(fd, bytes)), stats };
  } finally {
    closeSync(fd);
  }
}

/**
 * V8's code cache of a script of this package, in a folder beside it. So who could change it could change the script as
 * well, and who removes the package removes it.
 *
 * On disk a header says which script it is of, and what the runs did whose functions are in it. Then V8's data stands
 * twice, and is taken where both are the same: V8 does not look whether it is whole, and would end the process for one
 * wrong bit; of all that a bare Node has at its start, to compare is the quickest check.
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

/** Bytes; padded with blanks. */
export const HEADER = 1024;
const OTHERS_WRITE = 0o022;

/**
 * What is kept of a script.
 * @param name of the script
 * @param script its file
 * @param scratch which is overwritten: a page of memory that is new to a process costs it more than to compare one
 */
export function readCache(folder: string, name: string, script: Stats, scratch: Buffer): CodeCache {
  const file = `${folder}/${name}-${process.version}-${process.arch}`;
  const owner = script.uid;
  const stamp = `${script.ino}:${script.size}:${script.ctimeMs}`;
  const nothing = { folder, file, owner, stamp, parts: [] };
  try {
    if (!isOf(owner, lstatSync(folder))) return nothing;
    // A FIFO would be waited for.
    return opened(file, constants.O_NOFOLLOW | constants.O_NONBLOCK, (fd, stats) => {
      const header = scratch.toString('latin1', 0, readSync(fd, scratch, 0, HEADER, null));
      const [of, ...parts] = header.trimEnd().split(' ');
      if (!isOf(owner, stats) || of !== stamp) return nothing;
      const data = readTwice(fd, (stats.size - HEADER) / 2, scratch);
      return data === undefined ? nothing : { ...nothing, data, parts };
    });
  } catch {
    return nothing;
  }
}

/** What stands twice, or undefined where it does not. */
function readTwice(fd: number, size: number, scratch: Buffer): Buffer | undefined {
  const data = readBytes(fd, size);
  for (let at = 0; at < size; ) {
    const read = readSync(fd, scratch);
    if (read === 0 || scratch.compare(data, at, at + read, 0, read) !== 0) return undefined;
    at += read;
  }
  return data;
}

/** No link, and nobody else may write to it: what it holds is run. */
export function isOf(owner: number, { uid, mode }: Stats): boolean {
  return uid === owner && (mode & OTHERS_WRITE) === 0 && (mode & constants.S_IFMT) !== constants.S_IFLNK;
}

export function readFile(path: string): { bytes: Buffer; stats: Stats } {
  return opened(path, 0, (fd, stats) => ({ bytes: readBytes(fd, stats.size), stats }));
}

/** All of them: a part of a script could be one of another meaning. */
function readBytes(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  if (readSync(fd, bytes) < size) throw new Error(`fewer than ${size} bytes could be read`);
  return bytes;
}

/** All files are read by the same few calls: at a start the first call of each has Node compile it. */
function opened<T>(path: string, flags: number, read: (fd: number, stats: Stats) => T): T {
  const fd = openSync(path, constants.O_RDONLY | flags);
  try {
    return read(fd, fstatSync(fd));
  } finally {
    closeSync(fd);
  }
}

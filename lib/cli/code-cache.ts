/**
 * V8's code cache of a script of this package, in a folder beside it. So who could change it could change the script as
 * well, and who removes the package removes it.
 *
 * On disk V8's data stands twice, and is taken where both are the same: V8 does not look whether it is whole, and would
 * end the process for one wrong bit; of all that a bare Node has at its start, to compare is the quickest check. Behind
 * it stand, on a line, which script it is of, and what the runs did whose functions are in it.
 */
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

export interface CodeCache {
  readonly data: Buffer;
  readonly parts: ReadonlySet<string>;
}

const PARTIAL = '.partial';
const OTHERS_WRITE = 0o022;

/** Of what nobody else may have written. @param stamp which script it must be of */
export function readCache(file: string, stamp: string): CodeCache | undefined {
  try {
    const folder = dirname(file);
    const owner = ownerOf(folder);
    if (!belongsTo(owner, folder) || !belongsTo(owner, file)) return undefined;
    const bytes = readFileSync(file);
    const end = bytes.lastIndexOf('\n');
    const data = bytes.subarray(0, end / 2);
    if (!data.equals(bytes.subarray(end / 2, end))) return undefined;
    const [of, ...parts] = bytes.toString('utf8', end + 1).split(' ');
    return of === stamp ? { data, parts: new Set(parts) } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Nothing depends on it: where it cannot be written (a full disk, a read-only one), each start compiles anew.
 * @param take V8's data, which takes some milliseconds
 */
export function writeCache(file: string, stamp: string, parts: Iterable<string>, take: () => Buffer): void {
  const folder = dirname(file);
  const partial = `${file}.${process.pid}${PARTIAL}`;
  try {
    // Root leaves no files in the home of a user whose package it runs.
    const owner = ownerOf(folder);
    if (owner !== process.geteuid?.()) return;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (!belongsTo(owner, folder)) return;
    // Of runs that were killed; one that is writing just now goes without.
    for (const name of readdirSync(folder)) if (name.endsWith(PARTIAL)) unlinkSync(`${folder}/${name}`);
    const data = take();
    writeDurably(partial, Buffer.concat([data, data, Buffer.from(`\n${[stamp, ...parts].join(' ')}`)]));
    renameSync(partial, file);
  } catch {
    takeAway(partial);
  }
}

/** Whose the package is. */
function ownerOf(folder: string): number {
  return statSync(dirname(folder)).uid;
}

/** No link, and nobody else may write to it: what it holds is run. */
function belongsTo(owner: number, path: string): boolean {
  const { uid, mode } = lstatSync(path);
  return uid === owner && (mode & OTHERS_WRITE) === 0 && (mode & constants.S_IFMT) !== constants.S_IFLNK;
}

function takeAway(file: string): void {
  try {
    unlinkSync(file);
  } catch {}
}

function writeDurably(file: string, bytes: Buffer): void {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
  try {
    if (writeSync(fd, bytes) < bytes.length) throw new Error('the disk is full');
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

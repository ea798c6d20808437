/**
 * Loads a script of this package by way of V8's code cache: most of a start would be spent in compiling it. The cache lies
 * in a folder beside the script. So who could change it could change the script as well, and who removes the package
 * removes it.
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
import { Script } from 'node:vm';

/** What is in the script, as Node wraps one. */
type Body = (
  exports: object,
  load: (builtin: string) => unknown,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void;

/**
 * V8's data, and what the runs did that it was taken from, whose functions are in it. On disk the data stands twice, and
 * is taken where both are the same: V8 does not look whether it is whole, and would end the process for one wrong bit; of
 * all that a bare Node has at its start, to compare is the quickest check. Behind it stand, on a line, which script it is
 * of, and what the runs did.
 */
interface Cache {
  readonly data: Buffer;
  readonly parts: ReadonlySet<string>;
}

export interface Loaded {
  readonly exports: unknown;
  /** Has the cache hold also what this run does, once it ends. */
  remember(parts: readonly string[]): void;
}

const dist = import.meta.dirname;
const folder = `${dist}/cache`;
const PARTIAL = '.partial';
const OTHERS_WRITE = 0o022;

/** @param name of a script in the package's `dist` */
export function load(name: string): Loaded {
  const filename = `${dist}/${name}`;
  const file = `${folder}/${name}-${process.version}-${process.arch}`;
  const stamp = stampOf(filename);
  const cache = readCache(file, stamp);
  const source = readFileSync(filename, 'utf8');
  const script = new Script(source, { filename, ...(cache && { cachedData: cache.data }) });
  const known = script.cachedDataRejected === false ? cache?.parts : undefined;
  const module = { exports: {} };
  (script.runInThisContext() as Body)(module.exports, process.getBuiltinModule, module, filename, dist);
  return {
    exports: module.exports,
    remember(parts) {
      if (known !== undefined && parts.every((part) => known.has(part))) return;
      // V8 refuses what was compiled under other flags: each kind of run would take the other's away.
      if (process.execArgv.length > 0 || process.env['NODE_OPTIONS']) return;
      process.once('exit', () => writeCache(file, script, [stamp, ...new Set([...(known ?? []), ...parts])]));
    },
  };
}

/** V8 knows a script by its length alone. Whatever puts another in its place changes this; nobody can set a ctime. */
function stampOf(script: string): string {
  const { ino, size, ctimeMs } = statSync(script);
  return `${ino}:${size}:${ctimeMs}`;
}

function readCache(file: string, stamp: string): Cache | undefined {
  try {
    if (!isOfOwner(folder) || !isOfOwner(file)) return undefined;
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

/** No link, and nobody may write to it but who owns the package: what it holds is run. */
function isOfOwner(path: string): boolean {
  const { uid, mode } = lstatSync(path);
  const type = mode & constants.S_IFMT;
  return uid === statSync(dist).uid && (mode & OTHERS_WRITE) === 0 && type !== constants.S_IFLNK;
}

/** Nothing depends on it: where it cannot be written (a full disk, a read-only one), each start compiles anew. */
function writeCache(file: string, script: Script, words: readonly string[]): void {
  const partial = `${file}.${process.pid}${PARTIAL}`;
  try {
    // Root leaves no files in the home of a user whose package it runs.
    if (statSync(dist).uid !== process.geteuid?.()) return;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (!isOfOwner(folder)) return;
    // Of runs that were killed; one that is writing just now goes without.
    for (const name of readdirSync(folder)) if (name.endsWith(PARTIAL)) unlinkSync(`${folder}/${name}`);
    const data = script.createCachedData();
    writeDurably(partial, Buffer.concat([data, data, Buffer.from(`\n${words.join(' ')}`)]));
    renameSync(partial, file);
  } catch {
    takeAway(partial);
  }
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

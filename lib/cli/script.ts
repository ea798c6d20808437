/**
 * Loads a script of this package by way of V8's code cache: most of a start would be spent in compiling it. The cache lies
 * in a folder beside the script. So who could change it could change the script as well, and who removes the package
 * removes it.
 */
import {
  closeSync,
  constants,
  fsyncSync,
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
 * all that a bare Node has at its start, to compare is the quickest check.
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

/**
 * @param name of a script in the package's `dist`. V8 itself refuses a cache of another version of its own, or of other
 *   flags, but knows the script by its length alone: a build empties the folder
 */
export function load(name: string): Loaded {
  const filename = `${dist}/${name}`;
  const file = `${folder}/${name}-${process.version}-${process.arch}`;
  const cache = readCache(file);
  const source = readFileSync(filename, 'utf8');
  const script = new Script(source, {
    filename,
    ...(cache && { cachedData: cache.data }),
  });
  const known = script.cachedDataRejected === false ? cache?.parts : undefined;
  const module = { exports: {} };
  (script.runInThisContext() as Body)(module.exports, process.getBuiltinModule, module, filename, dist);
  return {
    exports: module.exports,
    remember(parts) {
      if (known !== undefined && parts.every((part) => known.has(part))) return;
      process.once('exit', () => writeCache(file, script, new Set([...(known ?? []), ...parts])));
    },
  };
}

function readCache(file: string): Cache | undefined {
  try {
    const bytes = readFileSync(file);
    const end = bytes.lastIndexOf('\n');
    const data = bytes.subarray(0, end / 2);
    if (!data.equals(bytes.subarray(end / 2, end))) return undefined;
    return { data, parts: new Set(bytes.toString('utf8', end + 1).split(' ')) };
  } catch {
    return undefined;
  }
}

/** Nothing depends on it: where it cannot be written (a full disk, a read-only one), each start compiles anew. */
function writeCache(file: string, script: Script, parts: ReadonlySet<string>): void {
  const partial = `${file}.${process.pid}${PARTIAL}`;
  try {
    // Root leaves no files in the home of a user whose package it runs.
    if (statSync(dist).uid !== process.geteuid?.()) return;
    mkdirSync(folder, { recursive: true });
    // Of runs that were killed; one that is writing just now goes without.
    for (const name of readdirSync(folder)) if (name.endsWith(PARTIAL)) unlinkSync(`${folder}/${name}`);
    const fd = openSync(partial, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
    try {
      const data = script.createCachedData();
      writeSync(fd, Buffer.concat([data, data, Buffer.from(`\n${[...parts].join(' ')}`)]));
      fsyncSync(fd);
      renameSync(partial, file);
    } finally {
      closeSync(fd);
    }
  } catch {}
}

/** Loads a script of this package by way of V8's code cache: most of a start would be spent in compiling it. */
import { Script } from 'node:vm';
import { type CodeCache, readCache, readFile } from './code-cache.js';

/** What is in the script, as Node wraps one. */
type Body = (
  exports: object,
  load: (builtin: string) => unknown,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void;

export interface Loaded {
  readonly exports: unknown;
  /** What has been compiled of it. */
  readonly script: Script;
  readonly cache: CodeCache;
  /** Whether V8 took what is in the cache. */
  readonly isCached: boolean;
}

const dist = import.meta.dirname;

/** @param name of a script in the package's `dist` */
export function load(name: string): Loaded {
  const filename = `${dist}/${name}`;
  const { bytes, stats } = readFile(filename);
  const source = bytes.toString('latin1');
  const cache = readCache(`${dist}/cache`, name, stats, bytes);
  const script = new Script(source, { filename, ...(cache.data && { cachedData: cache.data }) });
  const module = { exports: {} };
  (script.runInThisContext() as Body)(module.exports, process.getBuiltinModule, module, filename, dist);
  return { exports: module.exports, script, cache, isCached: script.cachedDataRejected === false };
}

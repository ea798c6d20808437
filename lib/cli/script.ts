/** Loads a script of this package by way of V8's code cache: most of a start would be spent in compiling it. */
import { readFileSync, statSync } from 'node:fs';
import { Script } from 'node:vm';
import { readCache, writeCache } from './code-cache.js';
import { isPlainNode } from './plain-node.js';

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
  /** Has the cache hold also what this run does, once it ends. */
  remember(parts: readonly string[]): void;
}

const dist = import.meta.dirname;

/** @param name of a script in the package's `dist` */
export function load(name: string): Loaded {
  const filename = `${dist}/${name}`;
  const file = `${dist}/cache/${name}-${process.version}-${process.arch}`;
  const stamp = stampOf(filename);
  const cache = readCache(file, stamp);
  const source = readFileSync(filename, 'latin1');
  const script = new Script(source, { filename, ...(cache && { cachedData: cache.data }) });
  const known = script.cachedDataRejected === false ? cache?.parts : undefined;
  const module = { exports: {} };
  (script.runInThisContext() as Body)(module.exports, process.getBuiltinModule, module, filename, dist);
  return {
    exports: module.exports,
    remember(parts) {
      if (known !== undefined && parts.every((part) => known.has(part))) return;
      // V8 refuses what was compiled under other flags: each kind of run would take the other's away.
      if (!isPlainNode()) return;
      const all = new Set([...(known ?? []), ...parts]);
      process.once('exit', () => writeCache(file, stamp, all, () => script.createCachedData()));
    },
  };
}

/** V8 knows a script by its length alone. Whatever puts another in its place changes this; nobody can set a ctime. */
function stampOf(script: string): string {
  const { ino, size, ctimeMs } = statSync(script);
  return `${ino}:${size}:${ctimeMs}`;
}

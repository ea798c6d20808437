/** The addon under test: the checkout's own, or a sanitized one that the vitest configuration provides. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { inject } from 'vitest';
import { type Addon, loadAddon, native } from '../../lib/native.js';

declare module 'vitest' {
  interface ProvidedContext {
    sanitizedAddon: string | undefined;
  }
}

export const ROOT = join(import.meta.dirname, '../..');

const sanitized = inject('sanitizedAddon');

/** The sanitizers' libraries: they are for node alone, other programs may hang with them. */
const preloaded = process.env['LD_PRELOAD'];
delete process.env['LD_PRELOAD'];
const NODE = preloaded === undefined ? [process.execPath] : ['env', `LD_PRELOAD=${preloaded}`, process.execPath];

export const addonFile = sanitized ?? join(ROOT, 'build/Release/vfio_isolate.node');
export const addon: Addon = sanitized === undefined ? native() : loadAddon([sanitized], true);

/** What a script returned in a process of its own, or the errno of what it threw. */
export interface Answer {
  readonly value?: unknown;
  readonly errno?: number;
  readonly syscall?: string;
}

const PRELUDE = `
  const addon = require(process.argv[1]);
  const args = process.argv.slice(2);
  addon.setErrorFactory((errno, syscall, path, value) => Object.assign(new Error(syscall), { errno, syscall, path, value }));
  const attempt = async (call) => {
    try { return { value: await call() }; } catch ({ errno, syscall }) { return { errno, syscall }; }
  };
`;

/** Runs a script's body in a child node, which has `addon`, `args` and `attempt`. What it returns is printed as JSON. */
export function child(body: string, args: readonly string[], wrapper: readonly string[] = []) {
  const script = `${PRELUDE} (async () => { ${body} })().then((out) => console.log(JSON.stringify(out)));`;
  const [program = '', ...words] = [...wrapper, ...NODE, '-e', script, addonFile, ...args];
  return spawnSync(program, words, { encoding: 'utf8', timeout: 60_000 });
}

/**
 * What a script's body returned in a child node.
 * @param wrapper a command that runs it, such as strace and its options
 */
export function inChild<T = Answer>(body: string, args: readonly string[], wrapper: readonly string[] = []): T {
  const { status, stdout, stderr, error } = child(body, args, wrapper);
  if (status !== 0) throw new Error(`the child failed: ${status} ${error ?? ''}\n${stderr}\n${stdout}`);
  return JSON.parse(stdout) as T;
}

/** strace of chosen calls, into a file, with faults injected. */
export function strace(log: string, calls: string, ...options: string[]): string[] {
  return ['strace', '-f', '-qq', '-o', log, '-e', `trace=${calls}`, '-e', 'signal=none', ...options];
}

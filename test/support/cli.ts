/** The built command line, run as a user runs it. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const BIN = join(import.meta.dirname, '../../bin/vfio-isolate.js');

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whatever forks without pause may have left tasks whose parents have exited: of these a restore tells, and of nothing else. */
export const nothingButOrphans =
  /^(vfio-isolate: restore: tasks of \S+ that are younger than the move, and have no ancestor .*\n)?$/;

export async function vfioIsolate(...words: string[]): Promise<Ended> {
  return execute(process.execPath, [BIN, ...words]);
}

/** @param during called once it has started */
export async function execute(
  program: string,
  words: readonly string[],
  options: SpawnOptions = {},
  during?: (pid: number, child: ChildProcess) => void,
): Promise<Ended> {
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (data) => {
    stdout += data;
  });
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  if (child.pid !== undefined) during?.(child.pid, child);
  const [status, signal] = await once(child, 'close');
  return { status, signal, stdout, stderr };
}

/** In a mount namespace of its own, so that what a shell script mounts there touches nothing outside. */
export async function inOwnMounts(script: string, ...words: string[]): Promise<Ended> {
  const command = [process.execPath, BIN, ...words];
  const whole = `set -e; ${script}; exec "$@"`;
  return execute('unshare', ['--mount', '--propagation', 'private', '/bin/sh', '-c', whole, 'sh', ...command]);
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program of the host without a shell and returns its standard output; a failure carries its standard error. */
export async function exec(file: string, args: readonly string[], cwd?: string): Promise<string> {
  const { stdout } = await execute(file, args, { cwd, maxBuffer: 64 << 20 });
  return stdout;
}

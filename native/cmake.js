/** Runs cmake-js with the running node's own headers, into a folder of its own: its default one is node-gyp's. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeDirectory } from './node-headers.js';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** A program of a development dependency, by the path within its package. */
export function program(name, path) {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), path);
}

/** Runs a command in the checkout and ends this process where it fails. */
export function run(command, args, env = {}) {
  const options = { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } };
  const { status, error } = spawnSync(command, args, options);
  if (error) process.stderr.write(`${command}: ${error.message}\n`);
  if (status !== 0) process.exit(status ?? 1);
}

export function cmakeJs(command, folder, ...options) {
  const args = [command, '--out', folder, '--prefer-make', '--log-level', 'warn', ...options];
  const headers = nodeDirectory ? { npm_config_nodedir: nodeDirectory } : {};
  run(process.execPath, [program('cmake-js', 'bin/cmake-js'), ...args], headers);
}

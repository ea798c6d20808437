/** `npm run build:native`: builds build/Release/vfio_isolate.node with node-gyp, unless it is newer than its sources. */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { nodeDirectory } from './node-headers.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');

const changedAt = (file) => statSync(`${root}/${file}`, { throwIfNoEntry: false })?.mtimeMs;

function isUpToDate() {
  const built = changedAt('build/Release/vfio_isolate.node') ?? 0;
  const sources = readdirSync(`${root}/native`).filter((name) => /\.(cc|h|map)$/.test(name));
  return ['binding.gyp', ...sources.map((name) => `native/${name}`)].every((file) => changedAt(file) < built);
}

/** Quiet unless it fails. */
function build() {
  const headers = nodeDirectory ? [`--nodedir=${nodeDirectory}`] : [];
  const args = [nodeGyp, 'configure', 'build', '--loglevel=warn', ...headers];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  // Another build at the same time may have got in the way, and have done it.
  if (status === 0 || isUpToDate()) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}${error ?? ''}\n`);
  process.stderr.write('building the addon failed; it needs Debian packages python3, make and g++\n');
  process.exitCode = 1;
}

if (!isUpToDate()) build();

/**
 * `npm run bench:guest`: the growth to 50,000 tasks, which not every machine has room for, in a guest that has. Under
 * emulation a time says nothing, and the ratio of two of them little; that they grow alike is what is looked at.
 */
import { cp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boot } from '../test/vm/boot.js';
import { missing } from '../test/vm/capability.js';
import { Guest } from '../test/vm/guest.js';
import { smallHost } from '../test/vm/host.js';
// @ts-expect-error: it is plain JavaScript
import { compileLoops } from './scene.js';

const root = join(import.meta.dirname, '..');
const reason = await missing();
if (reason !== undefined) {
  process.stderr.write(`bench:guest: no guest can run: ${reason}\n`);
  process.exit(1);
}

const empty = join(tmpdir(), `vfio-isolate-bench-${process.pid}`);
await mkdir(empty);
const host = smallHost({ kernel: '6.1', hierarchy: 'v1', cpus: 2, nodes: 1, megabytes: 8192, lifetime: 3600 });
const machine = await boot(host, empty);
try {
  const tree = join(machine.dir, 'job/bench-tree');
  for (const path of ['bench', 'dist', 'package.json', 'binding.gyp', 'build/Release/vfio_isolate.node']) {
    await cp(join(root, path), join(tree, path), { recursive: true });
  }
  compileLoops(join(tree, 'bench/vfio-bench'), '-static');
  const guest = new Guest(host.name, machine.dir);
  const script = `echo 200000 >/proc/sys/kernel/pid_max; ulimit -u unlimited; cd /vm/bench-tree && node bench/run.js growth`;
  const { status, stdout, stderr } = await guest.sh(script, { limit: 3000 });
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status === 0 ? 0 : 1;
} finally {
  await machine.end();
  await rm(empty, { recursive: true });
}

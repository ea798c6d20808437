/** How long the command takes to start, against node itself. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { takeTurns } from './measure.js';
import { figureOf, timed } from './turns.js';

const BIN = fileURLToPath(new URL('../bin/vfio-isolate.js', import.meta.url));

/** The chain of the original's hook; a machine without cpufreq refuses to set a governor. */
const GOVERNOR = existsSync('/sys/devices/system/cpu/cpu0/cpufreq') ? 'cpu-governor performance C0' : '';
const HOOK = `-n drop-caches ${GOVERNOR} cpuset-create --cpus C1 /vfio-bench-host.slice
  move-tasks / /vfio-bench-host.slice compact-memory irq-affinity mask C0`.split(/\s+/);

export async function* starts() {
  const running = (...args) => ({
    run: () =>
      timed(() => {
        // As in a hook: what else an environment has may make node itself slower, and the ratio better.
        const { status, stderr } = spawnSync(process.execPath, args, {
          encoding: 'utf8',
          env: { PATH: process.env.PATH },
        });
        if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
      }),
  });
  const node = running('-e', '0');
  const times = await takeTurns(
    { node, again: node, version: running(BIN, '--version'), hook: running(BIN, ...HOOK) },
    41,
  );
  yield figureOf('--version, against node -e 0', times, ['version', 'node', 'node'], { bar: 1.15 });
  yield figureOf("dry run of the hook's chain, against node -e 0", times, ['hook', 'node', 'node'], { bar: 1.35 });
}

import { beforeEach, test } from 'vitest';
import { describeOn } from '../vm/describe-on.js';
import { smallHost } from '../vm/host.js';
import { sleepers } from '../vm/sleepers.js';
import type { Bench } from './bench.js';
import { benchOn } from './bench-guest.js';
import { ALL, tries } from './extent.js';
import { killedAnywhere, restoreKilledAnywhere } from './killing.js';
import { refusedAnywhere, rollbackRefusedAnywhere } from './refusing.js';

/** Two CPUs, for which a run takes a second or two. */
const host = smallHost({ kernel: '6.12', hierarchy: 'v2', name: '6.12-v2-two', cpus: 2, nodes: 1, lifetime: 3600 });

const root = '/sys/fs/cgroup';

/** What the original's README has for a hook. */
const hook = `drop-caches cpu-governor performance C0-1 cpuset-modify --cpus C0 /busy compact-memory
  irq-affinity mask C1 task-affinity C0 2`;
const cpusets = `cpuset-create --cpus C1 /guest move-tasks /busy /guest cpuset-modify --cpus C0-1 /guest
  cpuset-delete /idle`;
const singles = [
  'drop-caches',
  'compact-memory',
  'cpu-governor performance C0-1',
  'irq-affinity mask C1',
  'task-affinity C0 2',
  'cpuset-create --cpus C0 /guest',
  'cpuset-modify --cpus C0 /busy',
  'move-tasks /busy /idle',
  'cpuset-delete /idle',
];

describeOn(host, function faultsOnV2(guest) {
  let bench: Bench;
  beforeEach(async () => {
    bench = await benchOn(guest);
    if ((await guest.sh(`mkdir ${root}/busy ${root}/idle`)).status !== 0) return;
    await sleepers(guest, { 'on-0': '0', 'on-1': '1', 'on-both': '0-1' }, `${root}/busy/cgroup.procs`);
  });
  const words = (chain: string) => chain.split(/\s+/);
  const named = (chain: string) =>
    `${chain === hook ? 'the hook' : chain === cpusets ? 'cpusets' : chain.split(' ')[0]}, v2 guest`;

  test.each([hook, cpusets, ...singles.slice(0, tries(singles.length, 0))])('killed: %s', async (chain) => {
    await killedAnywhere(bench, words(chain), named(chain), tries(ALL, 2));
  });

  test.each([hook, cpusets])('killed: restore of %s', async (chain) => {
    await restoreKilledAnywhere(bench, words(chain), `restore of ${named(chain)}`, tries(ALL, 2));
  });

  test('refused: the hook', async () => {
    await refusedAnywhere(bench, words(hook), named(hook), tries(60, 2));
  });

  test('refused: the rollback', async () => {
    await rollbackRefusedAnywhere(
      bench,
      words(cpusets),
      ['cpuset-delete', '/none'],
      'rollback, v2 guest',
      tries(ALL, 2),
    );
  });
});

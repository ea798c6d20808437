import { beforeEach, test } from 'vitest';
import type { Guest } from '../../vm/guest.js';
import { sleepers } from '../../vm/sleepers.js';
import type { Bench } from '../bench.js';
import { benchOn } from '../bench-guest.js';
import { ALL, tries } from '../extent.js';
import { killedAnywhere, restoreKilledAnywhere } from '../killing.js';
import { refusedAnywhere, restoreRefusedAnywhere, rollbackRefusedAnywhere } from '../refusing.js';

export interface Chains {
  /** Such as "v2 guest". */
  readonly place: string;
  /** Where the cpuset hierarchy is mounted. */
  readonly root: string;
  /** What is written to either cpuset before it can take tasks; nothing on v2. */
  readonly ready: string;
  /** What a hook does to the whole host. */
  readonly hook: string;
  /** What needs the cpusets `/busy`, of three tasks with masks of their own, and `/idle`. */
  readonly cpusets: string;
  /** Commands by themselves, tried in the whole extent only. */
  readonly singles: readonly string[];
}

/** Faults at what a machine has one of: interrupts, governors, its kernel threads; on a host of two CPUs. */
export function faultsInGuest(guest: Guest, { place, root, ready, hook, cpusets, singles }: Chains): void {
  let bench: Bench;
  beforeEach(async () => {
    bench = await benchOn(guest);
    if ((await guest.sh(`mkdir ${root}/busy ${root}/idle`)).status !== 0) return;
    await guest.must(`for name in busy idle; do cd ${root}/$name; ${ready || ':'}; done`);
    await sleepers(guest, { 'on-0': '0', 'on-1': '1', 'on-both': '0-1' }, `${root}/busy/cgroup.procs`);
  });
  const words = (chain: string) => chain.split(/\s+/);
  const named = (chain: string) =>
    `${chain === hook ? 'the hook' : chain === cpusets ? 'cpusets' : chain.split(' ')[0]}, ${place}`;

  test.each([hook, cpusets, ...singles.slice(0, tries(singles.length, 0))])('killed: %s', async (chain) => {
    await killedAnywhere(bench, words(chain), named(chain), tries(ALL, 2));
  });

  test.each([hook, cpusets])('killed: restore of %s', async (chain) => {
    await restoreKilledAnywhere(bench, words(chain), `restore of ${named(chain)}`, tries(ALL, 2));
  });

  test('refused: the hook', async () => {
    await refusedAnywhere(bench, words(hook), named(hook), tries(60, 2));
  });

  test('refused: restore of the hook', async () => {
    await restoreRefusedAnywhere(bench, words(hook), named(hook), tries(60, 4));
  });

  test('refused: the rollback', async () => {
    const failing = ['cpuset-delete', '/none'];
    await rollbackRefusedAnywhere(bench, words(cpusets), failing, `rollback, ${place}`, tries(ALL, 2));
  });
}

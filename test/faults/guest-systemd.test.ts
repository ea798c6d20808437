import { test } from 'vitest';
import { describeOn } from '../vm/describe-on.js';
import type { Guest } from '../vm/guest.js';
import { systemdHost } from '../vm/host.js';
import { benchOn } from './bench-guest.js';
import { killedAnywhere, restoreKilledAnywhere } from './killing.js';

const shape = { kernel: '6.12', hierarchy: 'v2', cpus: 4, nodes: 1, smt: false } as const;
const host = systemdHost({ ...shape, name: '6.12-v2-four', lifetime: 10_800 });

const hook = `drop-caches cpu-governor performance C0-3 cpuset-modify --cpus C0-1 /system.slice
  cpuset-modify --cpus C0-1 /user.slice cpuset-modify --cpus C0-1 /init.scope cpuset-create --cpus C2-3 /guest.slice
  compact-memory irq-affinity mask C0-1`.split(/\s+/);

/** A sample, for each run takes seconds: between these calls systemd is asked to change something. */
const RUNS = 44;
const RESTORES = 20;

describeOn(host, function faultsOnSystemd(guest) {
  const bench = async (on: Guest) => {
    // the first enables controllers for good
    await on.must('systemd-run -q --wait true');
    return benchOn(on);
  };

  test('killed: the hook', async () => {
    await killedAnywhere(await bench(guest), hook, 'the hook, v2 guest with systemd', RUNS);
  });

  test('killed: restore of the hook', async () => {
    await restoreKilledAnywhere(await bench(guest), hook, 'restore of the hook, v2 guest with systemd', RESTORES);
  });
});

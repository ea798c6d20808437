import { test } from 'vitest';
import { describeOn } from '../vm/describe-on.js';
import { systemdHost } from '../vm/host.js';
import { benchOn } from './bench-guest.js';
import { tries } from './extent.js';
import { killedAnywhere } from './killing.js';

const host = systemdHost({ kernel: '6.12', hierarchy: 'v2', name: '6.12-v2-four', cpus: 4, nodes: 1, lifetime: 3600 });

/** What the original's README has for a hook. */
const hook = `drop-caches cpu-governor performance C0-3 cpuset-modify --cpus C0-1 /system.slice
  cpuset-modify --cpus C0-1 /user.slice compact-memory irq-affinity mask C2-3 task-affinity C0-1 2`;

describeOn(host, function killedOnSystemd(guest) {
  test('killed: the hook', async () => {
    const bench = await benchOn(guest);
    await killedAnywhere(bench, hook.split(/\s+/), 'the hook, v2 guest with systemd', tries(40, 3));
  });
});

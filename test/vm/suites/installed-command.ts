import { expect, test } from 'vitest';
import { expectConfined, expectIsolated } from '../effects.js';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { diff } from '../snapshot.js';

const done = { status: 0, stdout: '', stderr: expect.any(String) };

/** What a user gets from `npm install` does its work on this kind of host, and leaves nothing behind. */
export function installedCommand(guest: Guest, host: Host): void {
  test('the installed command tells its version', async () => {
    const { status, stdout } = await guest.run('vfio-isolate', ['--version']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  // On v2 the whole host is not moved into a cpuset: what the demo does with slices of its own is all there is so far.
  test.skipIf(host.hierarchy === 'v2')(
    'all tasks leave the isolated CPUs, and restore brings every one of them back',
    async () => {
      const isolated = `2-${host.cpus - 1}`;
      const pinned = await guest.must('sleep 1000 >/dev/null 2>&1 & taskset -pc 1,3 $! >/dev/null; echo $!');
      const before = await guest.snapshot();
      const chain = ['cpuset-create', '--cpus', 'C0-1', '/host.slice', 'move-tasks', '/', '/host.slice'];
      expect(await guest.run('vfio-isolate', ['-u', '/tmp/undo', ...chain])).toEqual(done);
      const during = await guest.snapshot();
      expectConfined(during, '/host.slice', '0-1');
      expectIsolated(during, isolated);
      expect(await guest.must(`taskset -pc ${pinned}`)).toMatch(/list: 1$/m);
      expect(await guest.run('vfio-isolate', ['restore', '/tmp/undo'])).toEqual(done);
      expect(diff(before, await guest.snapshot())).toEqual([]);
      await guest.must(`kill ${pinned}`);
    },
  );
}

import { expect, test } from 'vitest';
import { expectConfined, expectIsolated } from '../effects.js';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { diff } from '../snapshot.js';

const done = { status: 0, stdout: '', stderr: expect.any(String) };

/** The hierarchy that has the cpusets is found wherever, and however, it is mounted. */
export function otherMounts(guest: Guest, host: Host): void {
  const usual = host.hierarchy === 'v1' ? '/sys/fs/cgroup/cpuset' : '/sys/fs/cgroup';
  const ways: [what: string, mount: string, cpus: string][] =
    host.hierarchy === 'v1'
      ? [
          ['elsewhere', 'mount -t cgroup -o cpuset none', 'cpuset.cpus'],
          ['without prefix', 'mount -t cpuset none', 'cpus'],
        ]
      : [['elsewhere', 'mount -t cgroup2 none', 'cpuset.cpus']];

  test.each(ways)('mounted %s', async (_what, mount, cpus) => {
    const before = await guest.snapshot();
    await guest.must(`umount ${usual}; mkdir -p /tmp/cpusets; ${mount} /tmp/cpusets`);
    const chain = 'cpuset-create --cpus C0-1 /host.slice move-tasks / /host.slice';
    const there = await guest.snapshot();
    expect(await guest.run('vfio-isolate', ['-u', '/tmp/undo_mounts', ...chain.split(' ')], { limit: 120 })).toEqual(
      done,
    );
    expect(await guest.must(`cat /tmp/cpusets/host.slice/${cpus}`)).toBe('0-1\n');
    const during = await guest.snapshot();
    expectConfined(during, '/host.slice', '0-1');
    expectIsolated(during, '2-3');
    expect(await guest.run('vfio-isolate', ['restore', '/tmp/undo_mounts'], { limit: 120 })).toEqual(done);
    expect(await guest.sh('ls -d /tmp/cpusets/host.slice')).toMatchObject({ status: 1 });
    expect(diff(there, await guest.snapshot())).toEqual([]);
    const back = host.hierarchy === 'v1' ? 'mount -t cgroup -o cpuset cpuset' : 'mount -t cgroup2 none';
    await guest.must(`rm /tmp/undo_mounts; umount /tmp/cpusets; rmdir /tmp/cpusets; ${back} ${usual}`);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });
}

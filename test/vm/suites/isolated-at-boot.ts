import { expect, test } from 'vitest';
import { expectConfined, expectMask } from '../effects.js';
import type { Guest } from '../guest.js';
import { diff } from '../snapshot.js';

const root = '/sys/fs/cgroup';
const undo = '/tmp/isolated.undo';
const done = { status: 0, stdout: '', stderr: expect.any(String) };

/**
 * Beside isolcpus= tasks start on the other CPUs, which nobody has set for them: neither a change of their cpuset nor the
 * way back may let them onto the isolated ones.
 */
export function isolatedAtBoot(guest: Guest): void {
  const others = '0-1,4-11';
  const thereAndBack = async (chain: string, cpuset: string, cpus: string) => {
    const before = await guest.snapshot();
    expectMask(before, 'init', others);
    expect(await guest.run('vfio-isolate', ['-u', undo, ...chain.split(' ')], { limit: 120 })).toEqual(done);
    expectConfined(await guest.snapshot(), cpuset, cpus);
    expect(await guest.run('vfio-isolate', ['restore', undo], { limit: 120 })).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  };

  test('a cpuset that is narrowed and restored leaves no task on the isolated CPUs', async () => {
    const busy = await guest.must(`mkdir ${root}/busy
      sleep 1000 >/dev/null 2>&1 & echo $! >${root}/busy/cgroup.procs; echo $!`);
    await thereAndBack('cpuset-modify --cpus C0-1,4 /busy', '/busy', '0-1,4');
    await guest.must(`kill ${busy.trim()}; sleep 1; rmdir ${root}/busy`);
  });

  test('a cpuset of the isolated CPUs is narrowed to one of them and back', async () => {
    const pinned = await guest.must(`mkdir ${root}/pinned
      sleep 1000 >/dev/null 2>&1 & echo $! >${root}/pinned/cgroup.procs; taskset -pc 2-3 $! >/dev/null; echo $!`);
    await thereAndBack('cpuset-modify --cpus C3 /pinned', '/pinned', '3');
    await guest.must(`kill ${pinned.trim()}; sleep 1; rmdir ${root}/pinned`);
  });

  test('tasks that moved to a cpuset and came back, PID 1 among them, keep off the isolated CPUs', async () => {
    await thereAndBack('cpuset-create --cpus C0-1,4 /host.slice move-tasks / /host.slice', '/host.slice', '0-1,4');
  });
}

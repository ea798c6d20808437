import { expect, test } from 'vitest';
import type { Guest } from '../../vm/guest.js';
import type { Host } from '../../vm/host.js';
import { sleepers } from '../../vm/sleepers.js';
import { diff } from '../../vm/snapshot.js';
import { count } from '../figures.js';

const undo = '/tmp/hotplug.undo';
const limit = 120;

/** What the kernel takes away with a CPU that goes offline between a run and its restore, and what others change. */
export function hotplug(guest: Guest, host: Host): void {
  const v1 = host.hierarchy === 'v1';
  const root = v1 ? '/sys/fs/cgroup/cpuset' : '/sys/fs/cgroup';
  const list = `${root}/narrowed/cpuset.cpus`;
  const turn = (state: 'on' | 'off') =>
    guest.must(`echo ${state === 'on' ? 1 : 0} >/sys/devices/system/cpu/cpu3/online`);
  const restore = () => guest.run('vfio-isolate', ['restore', undo], { limit });

  /** Two cpusets, a task in either, and one with CPUs of its own. */
  async function setUp(): Promise<() => Promise<void>> {
    const settle = (name: string, cpus: string) => `echo ${cpus} >${name}/cpuset.cpus; echo 0 >${name}/cpuset.mems;`;
    await guest.must(`cd ${root}; mkdir narrowed left; ${v1 ? '' : 'echo +cpuset >cgroup.subtree_control;'}
      ${settle('narrowed', '0-3')} ${settle('left', '0-2')}`);
    const ends = [
      await sleepers(guest, { inside: '0-3' }, `${root}/narrowed/cgroup.procs`),
      await sleepers(guest, { moved: '0-2' }, `${root}/left/cgroup.procs`),
      await sleepers(guest, { pinned: '1' }),
    ];
    return async () => {
      for (const end of ends) await end();
      await guest.must(`cd ${root}; rmdir narrowed left; ${v1 ? '' : 'echo -cpuset >cgroup.subtree_control'}`);
    };
  }

  const isolate = () =>
    guest.must(
      `vfio-isolate -u ${undo} cpu-governor performance C2-3 irq-affinity mask C0-2 task-affinity C3 $(pidof pinned) \\
        cpuset-modify --cpus C2-3 /narrowed cpuset-create --cpus C3 /taken move-tasks /left /taken`,
      { limit },
    );

  test('all that a CPU took along comes back once that is online again', async () => {
    const tearDown = await setUp();
    const before = await guest.snapshot();
    await isolate();
    await turn('off');
    await turn('on');
    const { status, stderr } = await restore();
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) });
    if (v1) expect(stderr).toContain(`${list} had 2 left of 2-3, as after CPUs went offline`);
    expect(diff(before, await guest.snapshot())).toEqual([]);
    count('CPUs offline between run and restore', 1);
    await tearDown();
  });

  test('while it is offline the nearest state is restored and told; the rest once it is online', async () => {
    const tearDown = await setUp();
    const before = await guest.snapshot();
    await isolate();
    await turn('off');
    const early = await restore();
    const offline = /policy3\/scaling_governor: EBUSY: all CPUs of this policy are offline; bring one of them online/;
    expect(early).toMatchObject({ status: 1, stderr: expect.stringMatching(offline) });
    if (v1) expect(early.stderr).toContain(`${list} has 0-2: of 0-3 no more is online`);
    await turn('on');
    expect(await restore()).toMatchObject({ status: 0 });
    // On v1 the kernel would have taken it from this cpuset without us as well.
    const lost = ['effective_cpus', 'cpus'].map((file) => `${root}/narrowed/cpuset.${file}: 0-3 -> 0-2`);
    const task = expect.stringMatching(/^task \d+ \(inside\) CPUs: 0-3 -> 0-2$/);
    expect(diff(before, await guest.snapshot())).toEqual(v1 ? [...lost, task] : []);
    count('CPUs offline between run and restore', 1);
    await tearDown();
  });

  if (!v1) {
    test('a cpuset that had no list of its own has a CPU again that was offline meanwhile', async () => {
      await guest.must(`cd ${root}; echo +cpuset >cgroup.subtree_control; mkdir narrowed`);
      const end = await sleepers(guest, { inside: '0-3' }, `${root}/narrowed/cgroup.procs`);
      await guest.must(`vfio-isolate -u ${undo} cpuset-modify --cpus C2 /narrowed`, { limit });
      await turn('off');
      expect(await restore()).toMatchObject({ status: 0 });
      await turn('on');
      // the kernel takes no empty list from a cpuset that holds tasks
      const effective = await guest.must(`cat ${root}/narrowed/cpuset.cpus.effective`);
      await end();
      await guest.must(`cd ${root}; rmdir narrowed; echo -cpuset >cgroup.subtree_control`);
      expect(effective).toBe('0-3\n');
      count('CPUs offline between run and restore', 1);
    });
  }

  test('interrupts are restored whatever somebody else has made of them', async () => {
    const before = await guest.snapshot();
    await guest.must(`vfio-isolate -u ${undo} irq-affinity mask C0-1`, { limit });
    await guest.must(`cd /proc/irq; for irq in [0-9]*; do echo 2 >$irq/smp_affinity_list; done 2>/dev/null; true`);
    const during = await guest.snapshot();
    expect(Object.values(during.files).filter((text) => text === '2').length).toBeGreaterThan(1);
    expect(await restore()).toMatchObject({ status: 0 });
    const found = diff(before, await guest.snapshot());
    // Those that were on no CPU but these two at the start were not touched by the run, and so are not on record.
    count('runs whose interrupts others moved', 1);
    expect(found.filter((line) => !/^\/proc\/irq\/\d+\/smp_affinity_list: [23](-3)? -> 2$/.test(line))).toEqual([]);
  });
}

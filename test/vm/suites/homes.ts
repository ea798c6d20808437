import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import { diff } from '../snapshot.js';

const root = '/sys/fs/cgroup';
const undo = '/tmp/homes.undo';
const done = { status: 0, stdout: '', stderr: '' };

/**
 * cgroup v2 without systemd: the home that tasks have left is given children that need the controller. It then takes no
 * tasks (cgroup-v2.rst, "No Internal Process Constraint"), until the controller is off below it.
 */
export function homesThatHandOn(guest: Guest): void {
  const vi = (command: string) => guest.must(`vfio-isolate -u ${undo} ${command}`);
  const restore = () => guest.run('vfio-isolate', ['restore', undo]);

  beforeEach(async () => {
    await guest.must(`mkdir ${root}/home ${root}/other
      for i in 1 2; do sleep 1000 >/dev/null 2>&1 & echo $! >${root}/home/cgroup.procs; done; sleep 1`);
  });

  afterEach(async () => {
    await guest.must(
      `kill $(cat ${root}/home/cgroup.procs); sleep 1; rm -f /run/vfio-isolate/name-*; rmdir ${root}/home ${root}/other`,
    );
  });

  test.each([
    ['one below it', '/home/in', 'cpuset-create --cpus C0-1 /home/in'],
    [
      'cpusets in each other below it',
      '/home/in/most',
      'cpuset-create --cpus C0-1 /home/in cpuset-create --cpus C0 /home/in/most',
    ],
    ["one below somebody else's", '/home/theirs/in', 'cpuset-create --cpus C0-1 /home/theirs/in'],
  ])('tasks go home from %s, and there again', async (_, to, chain) => {
    if (to.includes('theirs')) await guest.must(`mkdir ${root}/home/theirs`);
    const before = await guest.snapshot();
    await vi('move-tasks /home /other');
    await vi(`${chain} move-tasks /other ${to}`);
    const during = await guest.snapshot();
    expect(await guest.run('vfio-isolate', ['-u', '/tmp/redo', 'restore', undo])).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
    expect(await guest.run('vfio-isolate', ['-u', undo, 'restore', '/tmp/redo'])).toEqual(done);
    expect(diff(during, await guest.snapshot())).toEqual([]);
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
    if (to.includes('theirs')) await guest.must(`rmdir ${root}/home/theirs`);
  });

  test('tasks stay where they are, and on record, for as long as somebody else needs the controller there', async () => {
    const before = await guest.snapshot();
    await vi('move-tasks /home /other');
    await vi('cpuset-create --cpus C0-1 /home/in move-tasks /other /home/in');
    await guest.must(`mkdir ${root}/home/theirs; echo 1 >${root}/home/theirs/cpuset.cpus`);
    const { status, stderr } = await restore();
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('/home/theirs makes use of it') });
    expect(await guest.sh(`wc -l <${root}/home/in/cgroup.procs`)).toMatchObject({ stdout: '2\n' });
    await guest.must(`rmdir ${root}/home/theirs`);
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('meanwhile others go home with all their threads, and the next run takes them from where they are then', async () => {
    const script = 'setInterval(() => {}, 1e6)';
    await guest.must(`mkdir ${root}/threads ${root}/elsewhere
      node -e '${script}' >/dev/null 2>&1 & echo $! >${root}/threads/cgroup.procs; sleep 3`);
    const listed = async (group: string) =>
      (await guest.must(`cat ${root}/${group}/cgroup.procs`)).split('\n').filter(Boolean);
    const [pid] = await listed('threads');
    const sleepers = await listed('home');
    await vi('move-tasks /home /other');
    await vi('move-tasks /threads /other');
    await vi('cpuset-create --cpus C0-1 /home/in move-tasks /other /home/in');
    await guest.must(`mkdir ${root}/home/theirs; echo 1 >${root}/home/theirs/cpuset.cpus`);
    expect((await restore()).status).toBe(1);
    expect(await listed('threads')).toEqual([pid]);
    await guest.must(`echo ${pid} >${root}/elsewhere/cgroup.procs; rmdir ${root}/home/theirs`);
    await vi('move-tasks /elsewhere /other');
    expect(await restore()).toEqual(done);
    expect(await listed('elsewhere')).toEqual([pid]);
    expect(await listed('home')).toEqual(sleepers);
    await guest.must(`kill ${pid}; sleep 1; rmdir ${root}/threads ${root}/elsewhere`);
  });
}

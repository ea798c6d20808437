import { expect, test } from 'vitest';
import { expectConfined } from '../effects.js';
import type { Guest } from '../guest.js';
import { type Host, takesEmptyLists } from '../host.js';
import { diff } from '../snapshot.js';

const root = '/sys/fs/cgroup';
const undo = '/tmp/files.undo';
const done = { status: 0, stdout: '', stderr: expect.any(String) };

/** cgroup v2 without systemd: files are written, and the controllers that they need are enabled and disabled again. */
export function cgroupFiles(guest: Guest, host: Host): void {
  const restore = () => guest.run('vfio-isolate', ['restore', undo]);
  const vi = (...words: string[]) =>
    guest.run('vfio-isolate', ['-u', undo, ...words.flatMap((word) => word.split(' '))]);

  test('a cpuset takes every task that may move, and all is as it was afterwards', async () => {
    const before = await guest.snapshot();
    expect(await vi('cpuset-create --cpus C0-1 -mm /host.slice', 'move-tasks / /host.slice')).toEqual(done);
    const during = await guest.snapshot();
    expectConfined(during, '/host.slice', '0-1');
    expect(during.files[`${root}/cgroup.subtree_control`]).toContain('cpuset');
    expect(during.files[`${root}/host.slice/cpuset.mems`]).toBe('');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('controllers are enabled from the top down, never on the cpuset itself', async () => {
    await guest.must(`mkdir -p ${root}/a/b`);
    const before = await guest.snapshot();
    expect(await vi('cpuset-create --cpus C1-2 --mems N1 /a/b/c')).toEqual(done);
    const { files } = await guest.snapshot();
    const handed = ['', '/a', '/a/b', '/a/b/c'].map((at) => files[`${root}${at}/cgroup.subtree_control`]);
    expect(handed.map((text) => text?.includes('cpuset'))).toEqual([true, true, true, false]);
    expect([files[`${root}/a/b/c/cpuset.cpus`], files[`${root}/a/b/c/cpuset.mems`]]).toEqual(['1-2', '1']);
    expect(files[`${root}/a/cpuset.cpus`]).toBe('');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must(`rmdir ${root}/a/b ${root}/a`);
  });

  test('a populated cgroup is narrowed, with a pinned task in it, and restored to unset', async () => {
    await guest.must(
      `mkdir ${root}/busy; sleep 1000 >/dev/null 2>&1 & echo $! >${root}/busy/cgroup.procs; taskset -pc 1,3 $!`,
    );
    const before = await guest.snapshot();
    expect(await vi('cpuset-modify --cpus C0-1 /busy')).toEqual(done);
    expectConfined(await guest.snapshot(), '/busy', '1');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('where the kernel takes no empty list, an equal one is left and told', async () => {
    await guest.must(`echo +cpuset >${root}/cgroup.subtree_control; taskset -pc 0-3 $(cat ${root}/busy/cgroup.procs)`);
    const before = await guest.snapshot();
    expect(await vi('cpuset-modify --cpus C0-1 /busy')).toEqual(done);
    const { status, stderr } = await restore();
    const taken = takesEmptyLists(host);
    const told = taken ? '' : expect.stringContaining('busy/cpuset.cpus keeps 0-3');
    expect({ status, stderr }).toEqual({ status: 0, stderr: told });
    const left = taken ? [] : [`${root}/busy/cpuset.cpus: empty -> 0-3`];
    expect(diff(before, await guest.snapshot())).toEqual(left);
    await guest.must(
      `kill $(cat ${root}/busy/cgroup.procs); sleep 1; rmdir ${root}/busy; echo -cpuset >${root}/cgroup.subtree_control`,
    );
  });

  test('cpuset-delete sends tasks to where the record says that they came from, else to the root', async () => {
    await guest.must(`mkdir ${root}/home; sleep 1000 >/dev/null 2>&1 & echo $! >${root}/home/cgroup.procs
      sleep 999 >/dev/null 2>&1 & echo $! >/tmp/stranger; sleep 1`);
    const before = await guest.snapshot();
    expect(await vi('cpuset-create --cpus C2 /away', 'move-tasks /home /away')).toEqual(done);
    await guest.must(`cat /tmp/stranger >${root}/away/cgroup.procs`);
    expect(await vi('cpuset-delete /away')).toEqual(done);
    expect(await guest.must(`wc -l <${root}/home/cgroup.procs; cat /proc/$(cat /tmp/stranger)/cgroup`)).toBe(
      '1\n0::/\n',
    );
    await guest.must('kill $(cat /tmp/stranger)');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must(`kill $(cat ${root}/home/cgroup.procs); sleep 1; rmdir ${root}/home`);
  });

  test('refuses, before anything is changed, what cgroup v2 does not allow', async () => {
    await guest.must(`
      cd ${root}; mkdir full threads threads/in part
      sleep 1000 >/dev/null 2>&1 & echo $! >full/cgroup.procs
      echo threaded >threads/in/cgroup.type
      echo +cpuset >cgroup.subtree_control; echo 3 >part/cpuset.cpus; echo root >part/cpuset.cpus.partition`);
    const before = await guest.snapshot();
    const refusals: [command: string, why: string][] = [
      ['cpuset-create --cpus C0 /full/inner', '/full holds tasks itself'],
      ['cpuset-modify --cpus C0 /', 'the root cpuset cannot be changed'],
      ['cpuset-create --cpus C2-3 /new', 'overlap those of the partition /part'],
      ['cpuset-modify --cpus C2 /part', '/part is the root of a partition'],
      ['cpuset-delete /part', 'is the root of a partition'],
      ['cpuset-create --cpus C0 -lb /new', 'there is no sched_load_balance on cgroup v2'],
      ['cpuset-create --cpus C0 /missing/new', 'there is no cpuset /missing'],
      ['move-tasks /full /threads/in', '/threads/in is threaded'],
      ['move-tasks /full /threads', '/threads is domain threaded'],
      ['cpuset-delete /threads', '/threads has cpusets below it'],
    ];
    for (const [command, why] of refusals) {
      const { status, stderr } = await guest.run('vfio-isolate', command.split(' '));
      expect({ command, status, stderr }).toEqual({ command, status: 1, stderr: expect.stringContaining(why) });
    }
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must(`
      cd ${root}; kill $(cat full/cgroup.procs); sleep 1; echo member >part/cpuset.cpus.partition
      rmdir part full threads/in threads; echo -cpuset >cgroup.subtree_control`);
  });
}

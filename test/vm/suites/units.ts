import { expect, test } from 'vitest';
import { expectConfined, expectIsolated } from '../effects.js';
import type { Guest } from '../guest.js';
import { type Host, takesEmptyLists } from '../host.js';
import { diff } from '../snapshot.js';

const units = ['/system.slice', '/user.slice', '/init.scope'];
const undo = '/tmp/units.undo';

/** cgroup v2 with systemd: its units are narrowed by their properties, and are afterwards as if that had never been. */
export function narrowedUnits(guest: Guest, host: Host): void {
  const last = host.cpus - 1;
  const isolate = `vfio-isolate -u ${undo} ${units.map((unit) => `cpuset-modify --cpus C0-3 ${unit}`).join(' ')}`;
  const narrow = (unit: string, file = undo) => guest.must(`vfio-isolate -u ${file} cpuset-modify --cpus C0-3 ${unit}`);
  const restore = (file = undo) => guest.run('vfio-isolate', ['restore', file]);
  const done = { status: 0, stdout: '', stderr: expect.any(String) };

  test('what runs, a login, and what starts later keep to the housekeeping CPUs, through daemon-reload', async () => {
    // the first transient unit enables controllers for good
    await guest.must('systemd-run --wait true', { limit: 120 });
    const pinned = await guest.must(`
      systemd-run -q --unit inside sleep 1000; systemd-run -q --unit across sleep 1000
      inside=$(systemctl show -P MainPID inside); across=$(systemctl show -P MainPID across)
      taskset -pc 2 $inside >/dev/null; taskset -pc 1,9 $across >/dev/null; echo $inside $across`);
    const [inside = '', across = ''] = pinned.trim().split(' ');
    const maskOf = async (pid: string) => /list: (.*)/.exec(await guest.must(`taskset -pc ${pid}`))?.[1];

    const before = await guest.snapshot();
    await guest.must(isolate, { limit: 120 });
    const during = await guest.snapshot();
    for (const unit of units) expectConfined(during, unit, '0-3');
    expectConfined(during, '/user.slice/user-0.slice/session-1.scope', '0-3');
    expectIsolated(during, `4-${last}`, { kernelThreadsStay: true });
    expect(await maskOf(inside)).toBe('2');
    expect(await maskOf(across)).toBe('1');

    await guest.must('systemctl daemon-reload; systemd-run -q --unit later sleep 1000', { limit: 120 });
    const later = await guest.must('systemctl show -P MainPID later');
    expect(await maskOf(later.trim())).toBe('0-3');
    expect((await guest.sh(`taskset -pc 7 ${later}`)).status).not.toBe(0);
    expectIsolated(await guest.snapshot(), `4-${last}`, { kernelThreadsStay: true });
    await guest.must('systemctl stop later');

    expect(await restore()).toEqual(done);
    expect(await maskOf(across)).toBe('1,9');
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must('systemctl stop inside across');
  });

  test('memory nodes are narrowed likewise, and -mm is no error', async () => {
    const before = await guest.snapshot();
    await guest.must(`vfio-isolate -u ${undo} cpuset-modify --cpus N0 --mems N0 -mm /system.slice`);
    expect(await guest.must('cat /sys/fs/cgroup/system.slice/cpuset.mems.effective')).toBe('0\n');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('a value that somebody else has set since is left and told, and restored with --force', async () => {
    const before = await guest.snapshot();
    await narrow('/system.slice');
    await guest.must('systemctl set-property --runtime system.slice AllowedCPUs=0-5');
    const { status, stderr } = await restore();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('AllowedCPUs of system.slice is 0-5, set by somebody else; was (unset)'),
    });
    expect(await guest.must('cat /sys/fs/cgroup/system.slice/cpuset.cpus')).toBe('0-5\n');
    await guest.must(`vfio-isolate --force restore ${undo}`);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('tasks that a careless clearing has left narrow are mended', async () => {
    const before = await guest.snapshot();
    await narrow('/system.slice');
    await guest.must('systemctl set-property --runtime system.slice AllowedCPUs=; sleep 1');
    // 6.1 mends them by itself: it gives every task its mask anew when the controller goes
    const { tasks } = await guest.snapshot();
    const stale = Object.values(tasks).some(({ cpus, cgroup }) => cpus === '0-3' && cgroup.includes('system.slice'));
    expect(stale).toBe(host.kernel !== '6.1');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('what is equal in effect only, since somebody else uses the controller, is told', async () => {
    await guest.must('systemd-run -q --unit other -p AllowedCPUs=0-1 sleep 1000', { limit: 120 });
    const before = await guest.snapshot();
    await narrow('/user.slice');
    const { status, stderr } = await restore();
    expect(status).toBe(0);
    const taken = takesEmptyLists(host);
    expect(stderr).toMatch(taken ? /^$/ : new RegExp(`user.slice/cpuset.cpus keeps 0-${last}, all that it had, until`));
    const left = taken ? [] : [`/sys/fs/cgroup/user.slice/cpuset.cpus: empty -> 0-${last}`];
    expect(diff(before, await guest.snapshot())).toEqual(left);
    await guest.must('systemctl stop other');
  });

  test('a unit that has ended meanwhile leaves nothing to restore', async () => {
    const before = await guest.snapshot();
    await guest.must('systemd-run -q --unit short sleep 1000', { limit: 120 });
    await narrow('/system.slice/short.service');
    expect(await guest.must('cat /sys/fs/cgroup/system.slice/short.service/cpuset.cpus')).toBe('0-3\n');
    await guest.must('systemctl stop short');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('a slice that does not run yet is narrowed for whatever starts in it, and restored in either state', async () => {
    await guest.must(
      `
      systemd-run -q --wait true
      printf '[Slice]\\n' >/run/systemd/system/late.slice; systemctl daemon-reload; sleep 3`,
      { limit: 120 },
    );
    const before = await guest.snapshot();
    // systemd makes the cgroup of an idle slice when a property of it is set, and keeps it.
    const differences = (after: typeof before) =>
      diff(before, after).filter((line) => !/late\.slice\/\S*: absent -> /.test(line));
    const { stderr } = await guest.run('vfio-isolate', ['-u', undo, 'cpuset-modify', '--cpus', 'C2-3', '/late.slice']);
    expect(stderr).toBe('vfio-isolate: cpuset-modify: late.slice does not run yet: this holds once it does\n');
    expect(await restore()).toEqual(done);
    expect(await guest.must('systemctl show -P AllowedCPUs -P DropInPaths late.slice')).toMatch(/^\s*$/);
    expect(differences(await guest.snapshot())).toEqual([]);

    await guest.must(`vfio-isolate -u ${undo} cpuset-modify --cpus C2-3 /late.slice`);
    await guest.must('systemd-run -q --unit first --slice late.slice sleep 1000', { limit: 120 });
    expect(await guest.must('cat /sys/fs/cgroup/late.slice/cpuset.cpus')).toBe('2-3\n');
    expectConfined(await guest.snapshot(), '/late.slice/first.service', '2-3');
    expect(await restore()).toEqual(done);
    expect(await guest.must('taskset -pc $(systemctl show -P MainPID first)')).toContain(`list: 0-${last}\n`);
    await guest.must('systemctl stop first late.slice');
    expect(differences(await guest.snapshot())).toEqual([]);
    await guest.must('rm /run/systemd/system/late.slice; systemctl daemon-reload; sleep 3');
  });

  test('a slice that nobody means is an error, though systemd would load it', async () => {
    expect(await guest.must('systemctl show -P LoadState laet.slice')).toBe('loaded\n');
    const { status, stderr } = await guest.run('vfio-isolate', ['cpuset-modify', '--cpus', 'C2-3', '/laet.slice']);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('there is no cpuset /laet.slice, and systemd knows no unit laet.slice; / has '),
    });
    expect(await guest.must('systemctl show -P AllowedCPUs -P DropInPaths laet.slice')).toMatch(/^\s*$/);
  });

  test('a slice of ours takes tasks out of another, and cpuset-delete sends them where the record says', async () => {
    await guest.must('systemd-run --wait true', { limit: 120 });
    const before = await guest.snapshot();
    const chain = 'cpuset-create --cpus C1-2 /one.slice cpuset-create --cpus C3 /two.slice';
    await guest.must(`vfio-isolate -u ${undo} ${chain}`, { limit: 120 });
    await guest.must('sleep 1000 >/dev/null 2>&1 & echo $! >/sys/fs/cgroup/one.slice/tasks/cgroup.procs');
    await guest.must(`vfio-isolate -u ${undo} move-tasks /one.slice /two.slice`);
    expectConfined(await guest.snapshot(), '/two.slice', '3');
    await guest.must(`vfio-isolate -u ${undo} cpuset-delete /two.slice`);
    expectConfined(await guest.snapshot(), '/one.slice', '1-2');
    await guest.must('kill $(cat /sys/fs/cgroup/one.slice/tasks/cgroup.procs)');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('a slice of ours that is narrowed further keeps to that through daemon-reload', async () => {
    await guest.must('systemd-run --wait true', { limit: 120 });
    const before = await guest.snapshot();
    await guest.must(`vfio-isolate -u ${undo} cpuset-create --cpus C0-3 /one.slice`);
    await guest.must(`vfio-isolate -u ${undo} cpuset-modify --cpus C0-1 /one.slice`);
    await guest.must('systemctl daemon-reload; sleep 1');
    expect(await guest.must('cat /sys/fs/cgroup/one.slice/cpuset.cpus')).toBe('0-1\n');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  const refusals: [command: string, why: string][] = [
    ['cpuset-modify --cpus C0-3 /', 'the root cpuset cannot be changed'],
    ['cpuset-modify --cpus C0-3 -ce /system.slice', 'there is no cpu_exclusive on cgroup v2'],
    ['cpuset-create --cpus C0-3 /plain', 'on this host systemd owns the cgroups'],
    ['cpuset-delete /system.slice', 'system.slice was not made by vfio-isolate'],
    ['move-tasks /system.slice /user.slice', 'system.slice holds no tasks itself'],
    ['move-tasks /system.slice/dbus.service /user.slice', 'belongs to dbus.service, which ends without its tasks'],
    ['move-tasks / /system.slice/dbus.service', 'ends when dbus.service is stopped'],
  ];
  test('refuses, before anything is changed, what would harm units', async () => {
    const before = await guest.snapshot();
    for (const [command, why] of refusals) {
      const { status, stderr } = await guest.run('vfio-isolate', command.split(' '));
      expect({ command, status, stderr }).toEqual({
        command,
        status: expect.any(Number),
        stderr: expect.stringContaining(why),
      });
      expect(status).toBeGreaterThan(0);
    }
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('refuses what a unit manages itself, what systemd does not know, and CPUs of a partition', async () => {
    await guest.must(`
      systemd-run -q --unit deleg -p Delegate=yes sh -c 'mkdir /sys/fs/cgroup/system.slice/deleg.service/sub; sleep 1000'
      mkdir /sys/fs/cgroup/raw; sleep 1`);
    const modify = (name: string) => guest.run('vfio-isolate', ['cpuset-modify', '--cpus', 'C0-3', name]);
    expect((await modify('/system.slice/deleg.service/sub')).stderr).toContain('is managed by deleg.service');
    expect((await modify('/raw')).stderr).toContain('/raw is no unit of systemd');
    const partition = await guest.must(`
      cd /sys/fs/cgroup; echo +cpuset >cgroup.subtree_control; echo 2-5 >raw/cpuset.cpus
      echo root >raw/cpuset.cpus.partition; cat raw/cpuset.cpus.partition`);
    expect(partition).toBe('root\n');
    expect((await modify('/system.slice')).stderr).toContain('overlap those of the partition /raw');
    await guest.must(`
      cd /sys/fs/cgroup; echo member >raw/cpuset.cpus.partition; rmdir raw; echo -cpuset >cgroup.subtree_control
      systemctl stop deleg`);
  });

  // last: beside systemd 257 the slice keeps the list that it is widened to at the end
  test('what an administrator has set for good comes back, and holds after a daemon-reload', async () => {
    await guest.must(`
      mkdir -p /etc/systemd/system/user.slice.d
      printf '[Slice]\\nAllowedCPUs=0-7\\n' >/etc/systemd/system/user.slice.d/10-mine.conf
      systemctl daemon-reload; sleep 1
      # where the controller is on already, systemd 257 leaves the kernel's list until the next boot
      echo 0-7 >/sys/fs/cgroup/user.slice/cpuset.cpus`);
    const before = await guest.snapshot();
    await narrow('/user.slice');
    expect(await guest.must('cat /sys/fs/cgroup/user.slice/cpuset.cpus')).toBe('0-3\n');
    // lists of several files are joined, where none of them takes back those before
    await guest.must('systemctl daemon-reload; sleep 1');
    expect(await guest.must('cat /sys/fs/cgroup/user.slice/cpuset.cpus')).toBe('0-3\n');
    expect(await restore()).toEqual(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must('systemctl daemon-reload');
    expect(diff(before, await guest.snapshot())).toEqual([]);
    // widened before it is cleared, or tasks would stay narrow
    await guest.must(`
      systemctl set-property --runtime user.slice AllowedCPUs=0-${last}; sleep 1
      rm -r /etc/systemd/system/user.slice.d; systemctl revert user.slice; sleep 1`);
  });
}

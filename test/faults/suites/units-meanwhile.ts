import { expect, test } from 'vitest';
import { expectConfined } from '../../vm/effects.js';
import type { Guest } from '../../vm/guest.js';
import { diff } from '../../vm/snapshot.js';
import { tries } from '../extent.js';
import { count } from '../figures.js';

const undo = '/tmp/meanwhile.undo';
const narrow = `vfio-isolate -u ${undo} cpuset-modify --cpus C0-1`;
const limit = 240;

/** cgroup v2 with systemd: what systemd and its administrator do to units between a run and its restore, and during both. */
export function unitsMeanwhile(guest: Guest): void {
  const must = (script: string) => guest.must(script, { limit });
  const restore = () => guest.run('vfio-isolate', ['restore', undo], { limit });
  const done = { status: 0, stdout: '', stderr: expect.any(String) };
  const cpusOf = async (unit: string) =>
    /list: (.*)/.exec(await must(`taskset -pc $(systemctl show -P MainPID ${unit})`))?.[1];

  /** A service as a package brings it, which outlives being stopped. The first enables controllers for good. */
  const install = () =>
    must(`
      systemd-run -q --wait true
      printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/run/systemd/system/packaged.service
      systemctl daemon-reload; systemctl start packaged`);
  const uninstall = () =>
    must('systemctl stop packaged; rm /run/systemd/system/packaged.service; systemctl daemon-reload');

  test('a unit that is restarted keeps to its CPUs, and has all of them after the restore', async () => {
    await install();
    const [before, all] = [await guest.snapshot(), await cpusOf('packaged')];
    await must(`${narrow} /system.slice/packaged.service`);
    await must('systemctl restart packaged');
    expect(await cpusOf('packaged')).toBe('0,1');
    expectConfined(await guest.snapshot(), '/system.slice/packaged.service', '0-1');
    expect(await restore()).toEqual(done);
    expect(await cpusOf('packaged')).toBe(all);
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await must('systemctl restart packaged');
    expect(await cpusOf('packaged')).toBe(all);
    await uninstall();
  });

  test('one that is stopped has nothing left of it when it is started again', async () => {
    await install();
    const [before, all] = [await guest.snapshot(), await cpusOf('packaged')];
    await must(`${narrow} /system.slice/packaged.service`);
    await must('systemctl stop packaged');
    expect(await restore()).toEqual(done);
    await must('systemctl start packaged');
    expect(await cpusOf('packaged')).toBe(all);
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await uninstall();
  });

  test('a slice of ours survives a daemon-reload, and one that somebody has stopped gives its tasks back', async () => {
    await must('systemd-run -q --wait true; vfio-isolate -u /tmp/home.undo cpuset-create --cpus Call /home.slice');
    await must('sleep 1000 >/dev/null 2>&1 & echo $! >/sys/fs/cgroup/home.slice/tasks/cgroup.procs');
    const before = await guest.snapshot();
    for (const meanwhile of ['systemctl daemon-reload', 'systemctl stop guest.slice']) {
      await must(`vfio-isolate -u ${undo} cpuset-create --cpus C1 /guest.slice move-tasks /home.slice /guest.slice`);
      await must(meanwhile);
      expectConfined(await guest.snapshot(), '/guest.slice', '1');
      expect(await restore(), meanwhile).toEqual(done);
      expect(diff(before, await guest.snapshot()), meanwhile).toEqual([]);
    }
    await must(
      'kill $(cat /sys/fs/cgroup/home.slice/tasks/cgroup.procs); sleep 1; vfio-isolate restore /tmp/home.undo',
    );
  });

  test('daemon-reloads all the while neither stop a run or a restore nor leave anything of it', async () => {
    await must('systemd-run -q --wait true');
    const before = await guest.snapshot();
    const rounds = tries(10, 2);
    const chain = `cpuset-modify --cpus C0-1 /system.slice cpuset-modify --cpus C0-1 /user.slice
      cpuset-create --cpus C3 /guest.slice cpuset-modify --cpus C0-1 /init.scope`.replaceAll(/\s+/g, ' ');
    await must(`
      mkfifo /tmp/reloads; ( n=0; while [ -e /tmp/reloads ]; do systemctl daemon-reload; n=$((n+1)); sleep 2; done; echo $n >/tmp/reloaded ) >/dev/null 2>&1 &`);
    for (let round = 0; round < rounds; round++) {
      await must(`vfio-isolate -u ${undo} ${chain}`);
      for (const unit of ['/system.slice', '/init.scope']) expectConfined(await guest.snapshot(), unit, '0-1');
      expect(await restore()).toEqual(done);
    }
    const reloads = Number(
      await must('rm /tmp/reloads; until [ -e /tmp/reloaded ]; do sleep 0.1; done; cat /tmp/reloaded'),
    );
    expect(diff(before, await guest.snapshot())).toEqual([]);
    expect(reloads).toBeGreaterThan(rounds);
    count('daemon-reloads during runs and restores', reloads);
  });
}

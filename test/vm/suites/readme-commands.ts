import { expect, test } from 'vitest';
import { readmeBlock, readmeTable } from '../../support/readme.js';
import { expectConfined, expectGovernor, expectInterruptsOff, expectIsolated } from '../effects.js';
import type { Guest } from '../guest.js';
import { refusingInterrupts } from '../interrupts.js';
import { diff } from '../snapshot.js';

// The command lines are those of the original's README, by a shell, word for word.

/** Its examples with an undo file: the same on every kind of host. */
export function readmeUndo(guest: Guest): void {
  const restored = async (isolate: string, file: string, look: () => Promise<void>) => {
    const before = await guest.snapshot();
    await guest.must(isolate, { limit: 120 });
    await look();
    await guest.must(`vfio-isolate restore ${file}`, { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  };

  test('-u /tmp/undo_description cpuset-create --cpus C1-4 /test.slice', async () => {
    await guest.sh('[ -d /run/systemd/system ] && systemd-run --wait true', { limit: 120 });
    await restored(
      'vfio-isolate -u /tmp/undo_description cpuset-create --cpus C1-4 /test.slice',
      '/tmp/undo_description',
      async () => {
        const { files } = await guest.snapshot();
        const made = Object.entries(files).filter(([path]) => /\/test\.slice\/cpuset\.cpus$/.test(path));
        expect(made.map(([, cpus]) => cpus)).toEqual(['1-4']);
      },
    );
  });

  test('-u /tmp/undo_irq irq-affinity mask C2-5,8-11', async () => {
    const refusing = await refusingInterrupts(guest);
    await restored('vfio-isolate -u /tmp/undo_irq irq-affinity mask C2-5,8-11', '/tmp/undo_irq', async () =>
      expectInterruptsOff(await guest.snapshot(), '2-5,8-11', refusing),
    );
  });

  test('-u /tmp/undo_gov cpu-governor performance C2-5,8-11', async () => {
    await restored('vfio-isolate -u /tmp/undo_gov cpu-governor performance C2-5,8-11', '/tmp/undo_gov', async () =>
      expectGovernor(await guest.snapshot(), '2-5,8-11', 'performance'),
    );
  });
}

/** Its example for a machine of 6 cores with two threads each, on cgroup v1. */
export function readmeV1(guest: Guest): void {
  test('cpuset-create --cpus C0-1,6-7 /host.slice move-tasks / /host.slice, then cpuset-delete /host.slice', async () => {
    const before = await guest.snapshot();
    await guest.must(
      `vfio-isolate \\
        cpuset-create --cpus C0-1,6-7 /host.slice \\
        move-tasks / /host.slice`,
      { limit: 120 },
    );
    const during = await guest.snapshot();
    expectConfined(during, '/host.slice', '0-1,6-7');
    expectIsolated(during, '2-5,8-11');
    await guest.must('vfio-isolate cpuset-delete /host.slice', { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });
}

/** What our own README adds for cgroup v1. */
export function ourReadmeV1(guest: Guest): void {
  test('everything moves into a cpuset, and restore leaves no difference', async () => {
    const before = await guest.snapshot();
    await guest.must(readmeBlock('Use', 1), { limit: 120 });
    const during = await guest.snapshot();
    expectConfined(during, '/host.slice', '0-1,6-7');
    expectIsolated(during, '2-5,8-11');
    await guest.must(readmeBlock('Use', 2), { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('each command by example has its effect, and restore leaves no difference', async () => {
    const refusing = await refusingInterrupts(guest);
    const before = await guest.snapshot();
    const [forth = '', back = ''] = readmeBlock('Each command by example', 0).split(/^(?=vfio-isolate restore )/m);
    await guest.must(`set -e; ${forth}`, { limit: 240 });
    const during = await guest.snapshot();
    expectConfined(during, '/host.slice', '0-2');
    expectIsolated(during, '3-11');
    expectInterruptsOff(during, '3-5', refusing);
    expectGovernor(during, '3-5', 'performance');
    await guest.must(back, { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('the lines that stand for those of cset, in their order', async () => {
    const before = await guest.snapshot();
    const lines = readmeTable('From other tools').map((line) => line.replace('FILE', '/tmp/undo_cset'));
    const [create = '', enter = '', leave = '', destroy = '', shield = '', reset = ''] = lines;
    for (const [made, gone] of [
      [`${create} && ${enter}`, `${leave} && ${destroy}`],
      [shield, reset],
    ] as const) {
      await guest.must(made, { limit: 120 });
      const during = await guest.snapshot();
      expectConfined(during, '/host', '0-1');
      expectIsolated(during, '2-11');
      await guest.must(gone, { limit: 120 });
      expect(diff(before, await guest.snapshot())).toEqual([]);
    }
  });
}

/** Its example for a machine of two nodes, on cgroup v1. */
export function readmeNuma(guest: Guest): void {
  test('cpuset-create --cpus N0 --mems N0 -mm /host.slice move-tasks / /host.slice: memory moves, too', async () => {
    const before = await guest.snapshot();
    // 64 MiB of its own, taken from node 1
    await guest.must(`
      numactl --membind=1 node -e 'globalThis.kept = Buffer.alloc(64 << 20, 1); setInterval(() => {}, 1e6)' \\
        >/dev/null 2>&1 & echo $! >/tmp/fat
      until [ "$(${pagesOn(1)})" -gt 16000 ]; do sleep 0.2; done`);
    await guest.must(
      `vfio-isolate \\
        cpuset-create --cpus N0 --mems N0 -mm /host.slice \\
        move-tasks / /host.slice`,
      { limit: 120 },
    );
    const during = await guest.snapshot();
    expectConfined(during, '/host.slice', '0-5,12-17');
    expectIsolated(during, '6-11,18-23');
    expect(Number(await guest.must(pagesOn(0)))).toBeGreaterThan(16_000);
    expect(Number(await guest.must(pagesOn(1)))).toBeLessThan(200);
    await guest.must('kill $(cat /tmp/fat); vfio-isolate cpuset-delete /host.slice', { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });
}

/** Anonymous pages that the process has on a node. */
const pagesOn = (node: number) =>
  `grep anon= /proc/$(cat /tmp/fat)/numa_maps | grep -o 'N${node}=[0-9]*' | awk -F= '{ sum += $2 } END { print sum + 0 }'`;

/** Its example for a machine of 16 cores with two threads each, on cgroup v2 with systemd. */
export function readmeV2(guest: Guest): void {
  test('cpuset-modify --cpus C0-6,16-22 /system.slice cpuset-modify --cpus C0-6,16-22 /user.slice', async () => {
    await guest.must('systemd-run --wait true; systemd-run -q --unit running sleep 1000', { limit: 120 });
    const before = await guest.snapshot();
    await guest.must(
      `vfio-isolate -u /tmp/undo_units \\
        cpuset-modify --cpus C0-6,16-22 /system.slice \\
        cpuset-modify --cpus C0-6,16-22 /user.slice`,
      { limit: 120 },
    );
    await guest.must('systemd-run -q --unit later sleep 1000', { limit: 120 });
    const during = await guest.snapshot();
    const session = '/user.slice/user-0.slice/session-1.scope';
    for (const unit of ['/system.slice/running.service', '/system.slice/later.service', session]) {
      expectConfined(during, unit, '0-6,16-22');
    }
    for (const unit of ['running', 'later']) {
      const pid = await guest.must(`systemctl show -P MainPID ${unit}`);
      expect((await guest.sh(`taskset -pc 8-15 ${pid}`)).status).not.toBe(0);
    }
    await guest.must('systemctl stop later; vfio-isolate restore /tmp/undo_units', { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must('systemctl stop running');
  });
}

/** What our own README adds for cgroup v2 with systemd. */
export function ourReadmeV2(guest: Guest): void {
  const units = ['/system.slice', '/user.slice'];

  test('units are narrowed, and restore leaves no difference', async () => {
    const before = await settledSnapshot(guest);
    await guest.must(readmeBlock('Use', 0), { limit: 120 });
    const during = await guest.snapshot();
    for (const unit of [...units, '/init.scope']) expectConfined(during, unit, '0-1,6-7');
    await guest.must(readmeBlock('Use', 2), { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('a plain QEMU runs on its own CPUs, and leaves no difference however it ends', async () => {
    const before = await settledSnapshot(guest);
    const refusing = await refusingInterrupts(guest);
    await guest.run('tee', ['/tmp/guest.sh'], { input: readmeBlock('Without libvirt', 0) });
    await guest.must(
      `
      setsid bash /tmp/guest.sh -m 32 -display none -name plain >/tmp/guest.log 2>&1 & echo $! >/tmp/guest.pid
      until pgrep -f '^qemu-system-x86_64 .*-name plain'; do kill -0 $(cat /tmp/guest.pid); sleep 1; done`,
      { limit: 240 },
    );
    const during = await guest.snapshot();
    for (const unit of [...units, '/init.scope']) expectConfined(during, unit, '0-1');
    expectConfined(during, '/guest.slice', '2-3');
    expectInterruptsOff(during, '2-3', refusing);
    const end =
      "pkill -9 -f '^qemu-system-x86_64 .*-name plain'; while kill -0 $(cat /tmp/guest.pid) 2>/dev/null; do sleep 1; done";
    await guest.must(end, { limit: 240 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('a unit narrows from boot on, and gives back when it is stopped', async () => {
    const before = await settledSnapshot(guest);
    const refusing = await refusingInterrupts(guest);
    const unit = '/etc/systemd/system/vfio-isolate.service';
    await guest.run('tee', [unit], { input: readmeBlock('Without libvirt', 1) });
    await guest.must(readmeBlock('Without libvirt', 2), { limit: 240 });
    expect(await guest.must('systemctl is-enabled vfio-isolate; systemctl is-active vfio-isolate')).toBe(
      'enabled\nactive\n',
    );
    const during = await guest.snapshot();
    for (const narrowed of units) expectConfined(during, narrowed, '0-1');
    expectInterruptsOff(during, '2-3', refusing);
    await guest.must('systemctl stop vfio-isolate', { limit: 240 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must(`systemctl -q disable vfio-isolate; rm ${unit}; systemctl daemon-reload`, { limit: 120 });
  });
}

/** Once transient units have come and gone, which enable controllers for good. */
async function settledSnapshot(guest: Guest) {
  await guest.must('systemd-run --wait true', { limit: 120 });
  return guest.snapshot();
}

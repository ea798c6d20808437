import { expect, test } from 'vitest';
import { expectConfined } from '../effects.js';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { refusingInterrupts } from '../interrupts.js';
import { diff } from '../snapshot.js';

/** The guest is the machine that its name promises, and keeps still by itself. */
export function wholeHost(guest: Guest, host: Host): void {
  test('has the CPUs, nodes, siblings, governors, interrupts and hierarchy of its description', async () => {
    const lines = async (script: string) => (await guest.must(script)).trim().split('\n');
    expect(await lines('uname -r')).toEqual([expect.stringMatching(`^${host.kernel.replace('.', '\\.')}\\.`)]);
    expect(await lines('cat /sys/devices/system/cpu/online')).toEqual([`0-${host.cpus - 1}`]);
    expect(await lines('ls -d /sys/devices/system/node/node*')).toHaveLength(host.nodes);
    const siblings = '/sys/devices/system/cpu/cpu0/topology/thread_siblings_list';
    expect(await lines(`cat ${siblings}`)).toEqual([host.smt ? '0-1' : '0']);
    expect(await lines('ls -d /sys/devices/system/cpu/cpufreq/policy*')).toHaveLength(host.cpus);
    expect((await refusingInterrupts(guest)).length).toBeGreaterThan(host.cpus);
    const mounts = await lines("awk '$3 ~ /^cgroup/ {print $3}' /proc/mounts | sort -u");
    expect(mounts).toEqual({ v1: ['cgroup'], hybrid: ['cgroup', 'cgroup2'], v2: ['cgroup2'] }[host.hierarchy]);
    expect(await lines('systemctl --failed --no-legend --plain')).toEqual(['']);
  });

  test('a daemon-reload and a service that comes and goes leave no difference', async () => {
    // the first transient service may enable controllers for good
    await guest.must('systemd-run --wait true', { limit: 120 });
    const before = await guest.snapshot();
    await guest.must('systemctl daemon-reload; systemd-run --wait true', { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });
}

/** systemd's ways show in a snapshot. */
export function allowedCpusShow(guest: Guest, host: Host): void {
  test("a slice's AllowedCPUs are seen: the drop-in, the cpuset files and every task's mask", async () => {
    const before = await guest.snapshot();
    await guest.must('systemctl set-property --runtime system.slice AllowedCPUs=0-3');
    const after = await guest.snapshot();
    expectConfined(after, '/system.slice', '0-3');
    const found = diff(before, after).join('\n');
    expect(found).toMatch(/^\/run\/systemd\/system.control\/system.slice.d\/50-AllowedCPUs.conf: absent -> /m);
    expect(found).toMatch(/^\/sys\/fs\/cgroup\/system.slice\/cpuset.cpus: absent -> 0-3$/m);
    expect(found).toMatch(/^\/sys\/fs\/cgroup\/cgroup.subtree_control: .* -> cpuset/m);
    const all = `0-${host.cpus - 1}`;
    expect(found).toMatch(new RegExp(`^task \\d+ \\(dbus-daemon\\) CPUs: ${all} -> 0-3$`, 'm'));
    // widened before it is cleared, or tasks would stay narrow
    await guest.must(`
      systemctl set-property --runtime system.slice AllowedCPUs=${all}; sleep 1
      systemctl revert system.slice; sleep 1`);
  });
}

import { expect, test } from 'vitest';
import {
  expectCachesDropped,
  expectCompacted,
  expectConfined,
  expectGovernor,
  expectInterruptsOff,
  expectIsolated,
  expectMask,
} from '../effects.js';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { refusingInterrupts } from '../interrupts.js';
import { diff, type Snapshot } from '../snapshot.js';

const v1 = '/sys/fs/cgroup/cpuset';
const v2 = '/sys/fs/cgroup';

/** A change behind the tool's back, as a wrong restore would leave it, and the line that tells of it. */
const changes = {
  everywhere: [
    [
      'another interrupt mask',
      'echo 1 >/proc/irq/4/smp_affinity_list',
      /^\/proc\/irq\/4\/smp_affinity_list: \S+ -> 1$/,
    ],
    ['another default interrupt mask', 'echo 3 >/proc/irq/default_smp_affinity', /default_smp_affinity: f -> 3$/],
    [
      'another governor',
      'echo powersave >/sys/devices/system/cpu/cpufreq/policy2/scaling_governor',
      /policy2.*: \w+ -> powersave$/,
    ],
    ['another workqueue mask', 'echo 3 >/sys/devices/virtual/workqueue/cpumask', /workqueue\/cpumask: f -> 3$/],
    ['another affinity of a task', 'taskset -pc 1 1', /^task 1 \(init\) CPUs: 0-3 -> 1$/],
  ],
  v1: [
    [
      'another value in a cpuset file',
      `echo 1 >${v1}/cpuset.memory_pressure_enabled`,
      /memory_pressure_enabled: 0 -> 1$/,
    ],
    ['a left cpuset', `mkdir ${v1}/left`, /cpuset\/left\/: absent -> empty$/],
    ['a left cgroup of another controller', `mkdir ${v2}/memory/left`, /memory\/left\/: absent -> empty$/],
    [
      'a task in another cpuset',
      `mkdir ${v1}/in; echo 0 >${v1}/in/cpuset.cpus; echo 0 >${v1}/in/cpuset.mems; echo 1 >${v1}/in/tasks`,
      /^task 1 \(init\) cgroup of cpuset: \/ -> \/in$/,
    ],
  ],
  v2: [
    [
      'a controller left enabled',
      `echo +cpuset >${v2}/cgroup.subtree_control`,
      /cgroup.subtree_control: empty -> cpuset$/,
    ],
    ['a left cgroup', `mkdir ${v2}/left`, /cgroup\/left\/: absent -> empty$/],
    [
      'a task in another cgroup',
      `mkdir ${v2}/in; echo 1 >${v2}/in/cgroup.procs`,
      /^task 1 \(init\) cgroup: \/ -> \/in$/,
    ],
    [
      'a mask in a child',
      `mkdir ${v2}/in; echo +cpuset >${v2}/cgroup.subtree_control; echo 1 >${v2}/in/cpuset.cpus`,
      /in\/cpuset.cpus: absent -> 1$/,
    ],
    [
      'a partition',
      `mkdir ${v2}/in; echo +cpuset >${v2}/cgroup.subtree_control; echo 1 >${v2}/in/cpuset.cpus; echo root >${v2}/in/cpuset.cpus.partition`,
      /in\/cpuset.cpus.partition: absent -> root$/,
    ],
  ],
} as const;

/** Takes back what any of the changes made, whichever it was. */
const mend = {
  v1: `
    for task in $(cat ${v1}/in/tasks); do echo $task >${v1}/tasks; done
    rmdir ${v1}/in ${v1}/left ${v2}/memory/left
    echo 0 >${v1}/cpuset.memory_pressure_enabled`,
  v2: `
    for task in $(cat ${v2}/in/cgroup.procs); do echo $task >${v2}/cgroup.procs; done
    rmdir ${v2}/in ${v2}/left
    echo -cpuset >${v2}/cgroup.subtree_control`,
};

/** Everything that has a value of its own gets the one of the snapshot again. */
function putBack({ files, tasks }: Snapshot): string {
  const paths = Object.keys(files).filter((path) => /smp_affinity|scaling_governor|workqueue\/cpumask$/.test(path));
  const writes = paths.map((path) => `echo ${files[path]} >${path}`);
  const masks = Object.entries(tasks).map(([id, { cpus }]) => `taskset -pc ${cpus} ${id.split(':')[0]}`);
  return [...writes, ...masks].join('\n');
}

/** The checks of the other suites are no formality: nothing done is seen as nothing done, and each kind of change is seen. */
export function checksSee(guest: Guest, host: Host): void {
  const hierarchy = host.hierarchy === 'v1' ? 'v1' : 'v2';

  test('what a tool that does nothing leaves is exact, and has no effect', async () => {
    const before = await guest.snapshot();
    await guest.must('true');
    const after = await guest.snapshot();
    expect(diff(before, after)).toEqual([]);
    const refusing = await refusingInterrupts(guest);
    const isolation = { except: '/guest', kernelThreadsStay: true };
    expect(() => expectIsolated(after, '2-3')).toThrow(/^tasks on CPUs 2-3: /);
    expect(() => expectIsolated(after, '2-3', isolation)).toThrow(/^tasks on CPUs 2-3: /);
    expect(() => expectConfined(after, '/', '0-1')).toThrow(/^tasks in \/ beyond CPUs 0-1: /);
    expect(() => expectConfined(after, '/host.slice', '0-1')).toThrow(/^number of tasks in \/host\.slice: /);
    expect(() => expectMask(after, 'init', '0-1')).toThrow(/^CPUs of init: /);
    expect(() => expectGovernor(after, '2-3', 'performance')).toThrow(/^governors of CPUs 2-3: /);
    expect(() => expectInterruptsOff(after, '2-3', refusing)).toThrow(/^interrupts on CPUs 2-3: /);
    expect(() => expectCachesDropped(before, after)).toThrow(/^count of drop_pagecache: /);
    expect(() => expectCompacted(before, after)).toThrow(/^count of compact_migrate_scanned: /);
  });

  test('what is there to move is there', async () => {
    const { files, tasks } = await guest.snapshot();
    expect(Object.keys(tasks).length).toBeGreaterThan(50);
    expect(files['/sys/devices/system/cpu/cpufreq/policy3/scaling_governor']).toBeDefined();
    expect(await refusingInterrupts(guest)).not.toEqual([]);
  });

  test.each([...changes.everywhere, ...changes[hierarchy]])(
    'sees %s, and nothing once it is put back',
    async (_what, change, line) => {
      const before = await guest.snapshot();
      await guest.must(change);
      const found = diff(before, await guest.snapshot());
      await guest.sh(`${mend[hierarchy]}\n${putBack(before)}`);
      expect(found).toContainEqual(expect.stringMatching(line));
      expect(diff(before, await guest.snapshot())).toEqual([]);
    },
  );
}

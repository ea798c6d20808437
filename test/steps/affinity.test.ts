/** Which tasks get which CPUs, on stand-in hosts: kernel threads are nobody's to be tried on. */
import { describe, expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { newControl } from '../../lib/native.js';
import { affinityKind, affinityStep } from '../../lib/steps/affinity/affinity.js';
import type { Row } from '../../lib/steps/affinity/shape.js';
import { CGROUP2_MOUNT, cpus, hostTree } from '../support/tree.js';

interface Task {
  readonly comm: string;
  readonly cpus: string;
  readonly ppid?: number;
  readonly flags?: number;
  readonly start?: number;
  readonly state?: string;
  /** Its process, where it is another thread of one. */
  readonly pid?: number;
}

const KTHREAD = 0x00200000;
const BOUND = 0x04200000;

/**
 * A host of 8 CPUs, that has been up for 10 seconds.
 * @param cgroup of all tasks, on v2; undefined where there are none
 * @param cpuset whose cpuset that is in
 */
function hostOf(tasks: Record<number, Task>, osrelease = '6.12.0', cgroup?: string, cpuset = cgroup): Host {
  const files = Object.entries(tasks).flatMap(([tid, task]) => {
    const { comm, cpus, ppid = 2, flags = KTHREAD, start = 1, state = 'S', pid = Number(tid) } = task;
    const stat = `${tid} (${comm}) ${state} ${ppid} 0 0 0 -1 ${flags} ${'0 '.repeat(12)}${start} 0`;
    const status = `Name:\t${comm}\nTgid:\t${pid}\nCpus_allowed:\tff\nCpus_allowed_list:\t${cpus}`;
    return [
      [`proc/${tid}/task/${tid}/stat`, stat],
      [`proc/${pid}/task/${tid}/stat`, stat],
      [`proc/${tid}/status`, status],
      [`proc/${tid}/cgroup`, `0::${cgroup}`],
    ];
  });
  const mounted = {
    'proc/self/mountinfo': CGROUP2_MOUNT,
    'sys/fs/cgroup/cgroup.controllers': 'cpuset',
    'sys/fs/cgroup/cpuset.cpus.effective': '0-7',
    [`sys/fs/cgroup${cpuset}/cpuset.cpus.effective`]: '0-7',
  };
  const host = hostTree({
    ...cpus('0-7'),
    'proc/uptime': '10.00 5.00',
    'proc/sys/kernel/osrelease': osrelease,
    ...Object.fromEntries(files),
    ...(cgroup !== undefined && mounted),
  });
  // procfs finds every thread by its TID, and lists only processes.
  const isThread = (name: string) => (tasks[Number(name)]?.pid ?? Number(name)) !== Number(name);
  const processes = (path: string) => host.list(path).filter((name) => path !== host.proc || !isThread(name));
  return { ...host, list: processes };
}

const kernel: Record<number, Task> = {
  1: { comm: 'init', cpus: '0-7', flags: 0, ppid: 0 },
  2: { comm: 'kthreadd', cpus: '0-7', ppid: 0 },
  15: { comm: 'ksoftirqd/0', cpus: '0', flags: BOUND },
  30: { comm: 'khugepaged', cpus: '0-7' },
  31: { comm: 'kswapd0', cpus: '0-3' },
  32: { comm: 'kcompactd0', cpus: '0-3' },
  33: { comm: 'irq/24-nvme', cpus: '5' },
  34: { comm: 'jbd2/vda1-8', cpus: '2,5' },
  35: { comm: 'oom_reaper', cpus: '0-1' },
};

const kernelThreads = (cpuSet: string) => ({ name: 'task-affinity', parameters: { cpuSet, kernelThreads: true } });

/** How rows would be undone. @returns by TID, what each has and gets */
async function undone(host: Host, rows: readonly Row[], more: { force?: boolean; again?: boolean } = {}) {
  const step = { ...affinityStep(host, rows), began: 500 };
  const entry = { step, parts: [{ step, details: [] }] };
  const { steps, changed } = await affinityKind.undo(entry, host, {
    force: false,
    settle: false,
    leaving: new Set<string>(),
    ...more,
  });
  const back = steps.flatMap((one) => [...(one as typeof step).tasks]);
  return { back: Object.fromEntries(back.map(([tid, , from, to]) => [tid, [from, to]])), changed };
}

describe('all kernel threads that may be moved', () => {
  test('are set, kthreadd first; the others are left, each with its reason', async () => {
    const report = await run([kernelThreads('C0-1')], { host: hostOf(kernel), dryRun: true });
    expect(report.error).toBeUndefined();
    const [command] = report.commands;
    expect(command?.changes).toMatchObject([{ kind: 'affinity', to: '0-1' }]);
    expect(command?.changes[0]?.text).toBe('CPUs of 3 tasks: all -> 0-1 (2), 2,5 -> 0-1 (1)');
    expect(command?.refused).toEqual([
      { what: 'task 15 (ksoftirqd/0)', reason: 'kernel thread bound to its CPUs' },
      { what: 'task 31 (kswapd0)', reason: 'kernel thread bound to a NUMA node, left where it is' },
      { what: 'task 32 (kcompactd0)', reason: 'kernel thread bound to a NUMA node, left where it is' },
      { what: 'task 33 (irq/24-nvme)', reason: 'thread of an interrupt, which it follows' },
    ]);
  });

  test('a bound one that is named is an error', async () => {
    const command = { name: 'task-affinity', parameters: { cpuSet: 'C0-1', pid: ['15'] } };
    const report = await run([command], { host: hostOf(kernel), dryRun: true });
    expect(report.error?.message).toBe('the kernel has fixed the CPUs of task 15 (ksoftirqd/0)');
  });

  test('are not set on a host that is only a tree', async () => {
    const host = hostOf(kernel);
    const step = affinityStep(host, [[30, 1, null, '0']]);
    await expect(affinityKind.apply(step, { host, control: newControl() })).rejects.toThrow('has no tasks to be set');
  });
});

describe('undone', () => {
  const narrowed = {
    ...kernel,
    2: { comm: 'kthreadd', cpus: '0-1', ppid: 0 },
    30: { comm: 'khugepaged', cpus: '0-1' },
    34: { comm: 'jbd2/vda1-8', cpus: '0-1' },
  };
  const rows: Row[] = [
    [2, 1, null, '0-1'],
    [30, 1, null, '0-1'],
    [34, 1, '2,5', '0-1'],
  ];

  test('each has its own again, and what kthreadd has handed down since is taken back', async () => {
    const host = hostOf({
      ...narrowed,
      60: { comm: 'ext4-rsv-conver', cpus: '0-1', start: 900 },
      61: { comm: 'kworker/3:9', cpus: '3', flags: BOUND, start: 900 },
      62: { comm: 'irq/30-eth0', cpus: '0-1', start: 900 },
      63: { comm: 'kswapd1', cpus: '0-1', start: 900 },
      64: { comm: 'own', cpus: '0', start: 900 },
    });
    const { back, changed } = await undone(host, rows);
    expect(back).toEqual({ 2: ['0-1', null], 30: ['0-1', null], 34: ['0-1', '2,5'], 60: ['0-1', null] });
    expect(changed).toEqual([]);
  });

  test('an older one that is on no record is left, whatever it has', async () => {
    expect((await undone(hostOf(narrowed), rows)).back).not.toHaveProperty('35');
  });

  test('a TID that was reused, a dead task and one that the kernel has bound since are left', async () => {
    const host = hostOf({
      ...kernel,
      30: { comm: 'other', cpus: '0-1', start: 800, ppid: 1 },
      34: { comm: 'jbd2/vda1-8', cpus: '3', flags: BOUND },
      35: { comm: 'gone', cpus: '0-1', state: 'Z' },
    });
    expect(await undone(host, [...rows, [35, 1, null, '0-1']])).toEqual({ back: {}, changed: [] });
  });

  test('heirs belong to their process, else to the nearest ancestor', async () => {
    const user = { flags: 0, start: 700 };
    const host = hostOf({
      1: { comm: 'init', cpus: '0-7', flags: 0, ppid: 0 },
      100: { comm: 'sh', cpus: '3', ppid: 1, flags: 0 },
      110: { comm: 'make', cpus: '3', ppid: 100, ...user },
      111: { comm: 'make', cpus: '3', ppid: 100, pid: 110, ...user },
      120: { comm: 'cc', cpus: '3', ppid: 110, ...user },
      130: { comm: 'stranger', cpus: '3', ppid: 1, ...user },
    });
    const back = { 100: ['3', '4-5'], 110: ['3', '4-5'], 111: ['3', '4-5'], 120: ['3', '4-5'] };
    expect((await undone(host, [[100, 1, '4-5', '3']])).back).toEqual(back);
    const nearer: Row[] = [
      [100, 1, '4-5', '3'],
      [110, 700, '6', '3'],
    ];
    expect((await undone(host, nearer)).back).toMatchObject({ 111: ['3', '6'], 120: ['3', '6'] });
  });

  test('what is back is left, and so is what is found to be back after it was given once', async () => {
    expect(await undone(hostOf(kernel), rows)).toEqual({ back: {}, changed: [] });
    // All CPUs that there are were asked for: that shows no difference, but may be remembered.
    const invisible: Row[] = [[30, 1, null, '0-7']];
    expect((await undone(hostOf(kernel), invisible)).back).toEqual({ 30: [null, null] });
    expect((await undone(hostOf(kernel), invisible, { again: true })).back).toEqual({});
  });

  test('what somebody else has set since is left and told of, unless forced', async () => {
    const host = hostOf({ ...narrowed, 30: { comm: 'khugepaged', cpus: '6' }, 34: { comm: 'jbd2', cpus: '7' } });
    const { back, changed } = await undone(host, rows);
    expect(back).toEqual({ 2: ['0-1', null] });
    expect(changed).toEqual(['CPUs of task 30 (khugepaged) (and 1 more) are 6, set by somebody else; were all']);
    expect((await undone(host, rows, { force: true })).back).toMatchObject({ 30: ['6', null], 34: ['7', '2,5'] });
  });

  test('before 6.2 what a changed cpuset has overwritten counts as ours', async () => {
    const overwritten = hostOf({ ...kernel, 34: { comm: 'jbd2', cpus: '0-7' } }, '6.1.0');
    expect((await undone(overwritten, rows)).back).toEqual({ 34: [null, '2,5'] });
    const leftOver = { ...kernel, 34: { comm: 'jbd2', cpus: '1' } };
    expect((await undone(hostOf(leftOver, '6.1.0', '/a'), rows)).back).toEqual({ 34: ['1', '2,5'] });
    expect((await undone(hostOf(leftOver), rows)).changed).toHaveLength(1);
    const since = hostOf({ ...kernel, 34: { comm: 'jbd2', cpus: '0-7' } });
    expect((await undone(since, rows)).changed).toHaveLength(1);
  });

  test.each([
    ['/', '6.1.0'],
    ['/', '6.12.0'],
    // where nothing below the root has the controller
    ['/system.slice/a.service', '6.1.0'],
  ])(
    'what a later run has narrowed further stays its own in the root cpuset (cgroup %s, Linux %s)',
    async (cgroup, release) => {
      const later = hostOf({ 2: { comm: 'kthreadd', cpus: '0-3', ppid: 0 } }, release, cgroup, '/');
      expect((await undone(later, [[2, 1, null, '0-5']])).changed).toHaveLength(1);
      expect((await undone(later, [[2, 1, '0-5', '0-3']])).back).toEqual({ 2: ['0-3', '0-5'] });
    },
  );
});

test('a record of other things is refused', () => {
  const host = hostOf(kernel);
  const step = affinityStep(host, [[30, 1, null, '0']]);
  const bad = [[[0, 1, null, '0']], [[30, -1, null, '0']], [[30, 1, '', '0']], [[30, 1, null, 'x']], [[30, 1, null]]];
  expect(affinityKind.validate(step, host)).toEqual(step);
  for (const tasks of bad) expect(() => affinityKind.validate({ ...step, tasks } as never, host)).toThrow();
});

/** Which masks are given back to whom, on stand-in hosts with isolcpus=2-3; test/vm has those that run. */
import { describe, expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import type { AffinityStep } from '../../lib/steps/affinity/shape.js';
import { masksBack } from '../../lib/steps/masks.js';
import type { Detail, Step } from '../../lib/steps/step.js';
import { CGROUP2_MOUNT, cpus, hostTree } from '../support/tree.js';

interface Task {
  readonly cpus: string;
  readonly ppid?: number;
  readonly start?: number;
  readonly flags?: number;
  readonly comm?: string;
}

const FILE = { kind: 'file', target: '/sys/fs/cgroup/busy/cpuset.cpus', from: '', to: '0-1' } as const;
const PINNED_THREAD = 0x04000000;
/** When the cpuset was narrowed. */
const began = 500;

/** A host of 8 CPUs, all of whose tasks are in /busy, which has them all. */
function hostOf(tasks: Record<number, Task>, { osrelease = '6.12.0', isolated = '2-3', allowed = '0-7' } = {}): Host {
  const files = Object.entries(tasks).flatMap(([tid, { comm = 'sleep', ppid = 1, start = 1, flags = 0, cpus }]) => [
    [`proc/${tid}/task/${tid}/stat`, `${tid} (${comm}) S ${ppid} 0 0 0 -1 ${flags} ${'0 '.repeat(12)}${start} 0`],
    [`proc/${tid}/status`, `Name:\ttask\nTgid:\t${tid}\nCpus_allowed_list:\t${cpus}`],
    [`proc/${tid}/cgroup`, '0::/busy'],
  ]);
  return hostTree({
    ...cpus('0-7'),
    'sys/devices/system/cpu/isolated': isolated,
    'proc/uptime': '10.00 5.00',
    'proc/sys/kernel/osrelease': osrelease,
    'proc/self/mountinfo': CGROUP2_MOUNT,
    'sys/fs/cgroup/cgroup.controllers': 'cpuset',
    'sys/fs/cgroup/cpuset.cpus.effective': '0-7',
    'sys/fs/cgroup/busy/cpuset.cpus.effective': allowed,
    'sys/fs/cgroup/busy/cgroup.procs': '',
    'sys/fs/cgroup/busy/cgroup.threads': Object.keys(tasks).join('\n'),
    ...Object.fromEntries(files),
  });
}

const rowsOf = (steps: readonly Step[]) =>
  Object.fromEntries(steps.flatMap((step) => (step as AffinityStep).tasks.map(([tid, , , to]) => [tid, to])));

/** What is given to whom, by TID: to those on record, and then to others. */
async function back(host: Host, details: readonly Detail[], force = false) {
  const inTree = details.map((one) => ('masks' in one ? { ...one, births: `${host.sys}/fs/cgroup/busy` } : one));
  const entry = { step: FILE, parts: [{ step: FILE, details: inTree }] };
  const { steps, changed, born } = await masksBack(host, [entry], { force });
  return { known: rowsOf(steps), born: rowsOf(await born()), again: rowsOf(await born()), changed };
}

const nothing = { known: {}, born: {}, again: {}, changed: [] };
const masks = (tasks: Record<number, string>, left: Record<number, string> = {}): Detail[] => {
  const rows = (of: Record<number, string>) => Object.entries(of).map(([tid, cpus]) => [Number(tid), 1, cpus]);
  return [{ masks: rows(tasks), began }, { left: rows(left) }];
};

describe('of a task on record', () => {
  test.each([
    ['which shows its mask, nothing is written: a wider one may be hidden', '0-1', '0-1', {}, undefined],
    ['which shows all of its cpuset, the mask is', '0-1', '0-7', { 9: '0-1' }, undefined],
    ['which shows what our step left, the mask is', '0-1', '1', { 9: '0-1' }, '1'],
  ])('%s', async (_, mask, shown, known, left) => {
    const details = masks({ 9: mask }, left === undefined ? {} : { 9: left });
    expect(await back(hostOf({ 9: { cpus: shown } }), details)).toEqual({ ...nothing, known });
  });

  test('which its cpuset narrows further, nothing is written', async () => {
    const host = hostOf({ 9: { cpus: '1' } }, { allowed: '1-2' });
    expect(await back(host, masks({ 9: '0-1' }, { 9: '0' }))).toEqual(nothing);
  });

  test('which somebody else has set since, theirs stays, by force the mask', async () => {
    const host = hostOf({ 9: { cpus: '5' } });
    const details = masks({ 9: '0-1' }, { 9: '1' });
    const changed = ['CPUs of task 9 are 5, set by somebody else; were 0-1'];
    expect(await back(host, details)).toEqual({ ...nothing, changed });
    expect(await back(host, details, true)).toEqual({ ...nothing, known: { 9: '0-1' } });
    // A mask that our step did not change is none of our business.
    expect(await back(host, masks({ 9: '0-1' }))).toEqual(nothing);
  });

  test('whose cpuset has none of its CPUs, nothing can be written, and that is reported', async () => {
    const host = hostOf({ 9: { cpus: '4-7' } }, { allowed: '4-7' });
    const { known, changed } = await back(host, masks({ 9: '0-1' }, { 9: '1' }));
    expect({ known, changed }).toEqual({ known: {}, changed: [expect.stringContaining('task 9 are 4-7')] });
  });

  test('whose TID another task has, or whose CPUs the kernel has fixed, nothing is written', async () => {
    expect(await back(hostOf({ 9: { cpus: '0-7', start: 7 } }), masks({ 9: '0-1' }))).toEqual(nothing);
    expect(await back(hostOf({ 9: { cpus: '0-7', flags: PINNED_THREAD } }), masks({ 9: '0-1' }))).toEqual(nothing);
  });
});

describe('what was born meanwhile and shows all of its cpuset', () => {
  const init = { cpus: '0-1,4-7', ppid: 0 };
  const parent = { cpus: '0-7' };
  const child = { cpus: '0-7', ppid: 9, start: began };

  test('has what its nearest older ancestor is given, and once is enough', async () => {
    const host = hostOf({ 1: init, 9: parent, 20: child, 21: { ...child, ppid: 20, start: 600 } });
    const given = { known: { 9: '0-1' }, born: { 20: '0-1', 21: '0-1' } };
    expect(await back(host, masks({ 9: '0-1' }))).toEqual({ ...nothing, ...given });
  });

  test('has that of PID 1 where its parent has exited, as the boot line gave it', async () => {
    const host = hostOf({ 1: init, 20: { ...child, ppid: 1 } });
    expect(await back(host, masks({}))).toEqual({ ...nothing, born: { 20: '0-1,4-7' } });
  });

  test.each([
    ['older than the change', { ...child, start: began - 1 }, parent],
    ['with a mask of its own', { ...child, cpus: '0-6' }, parent],
    ['of a parent that was allowed all', child, { ...parent, start: 2 }],
    ['of a parent whose mask the kernel remembers', child, { cpus: '0-1' }],
  ])('keeps that: one %s', async (_, born, parent) => {
    const details = masks({ 9: '0-1' });
    expect((await back(hostOf({ 1: init, 9: parent, 20: born }), details)).born).toEqual({});
  });

  test('keeps that where no CPU is isolated and nothing on record was lost', async () => {
    const host = hostOf({ 1: init, 20: { ...child, ppid: 1 } }, { isolated: '' });
    expect(await back(host, masks({}))).toEqual(nothing);
  });

  test("before 6.2 has its ancestor's where it shows what that was left with", async () => {
    const tasks = { 1: init, 9: { cpus: '1' }, 20: { ...child, cpus: '1' } };
    const details = masks({ 9: '1,3' }, { 9: '1' });
    const given = { ...nothing, known: { 9: '1,3' } };
    expect(await back(hostOf(tasks, { osrelease: '6.1.0' }), details)).toEqual({ ...given, born: { 20: '1,3' } });
    expect(await back(hostOf(tasks), details)).toEqual(given);
  });
});

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newControl } from '../../lib/native.js';
import { notInPlace } from '../support/scratch.js';
import { addon, inChild, strace } from './addon.js';

const children: ChildProcess[] = [];
const NOBODY = 2 ** 22 + 1; // beyond the largest pid_max

function sleeper(): number {
  const child = spawn('sleep', ['1000']);
  children.push(child);
  if (child.pid === undefined) throw new Error('not started');
  return child.pid;
}

const taskset = (tid: number): string =>
  execFileSync('taskset', ['-pc', String(tid)], { encoding: 'utf8' })
    .trim()
    .split(': ')
    .at(-1) ?? '';
const cpus = (mask: Uint8Array): number[] =>
  [...mask].flatMap((byte, at) => [...Array(8).keys()].filter((bit) => byte & (1 << bit)).map((bit) => at * 8 + bit));

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

describe('one task', () => {
  let before: Uint8Array;
  beforeEach(() => {
    before = addon.getAffinity(0);
    return () => addon.setAffinity(0, before);
  });

  test('TID 0 is the calling thread, and its mask comes back as it was set', () => {
    const [first = 0] = cpus(before);
    const mask = new Uint8Array(before.length);
    mask[first >> 3] = 1 << (first & 7);
    addon.setAffinity(0, mask);
    expect(addon.getAffinity(0)).toEqual(mask);
    expect(taskset(process.pid)).toBe(String(first));
  });

  test('the mask has the size of the kernel, a shorter or longer one may be set', () => {
    expect(before.length % 8).toBe(0);
    const pid = sleeper();
    for (const size of [1, 3, 16, 128, 1024, 8192 + 8]) {
      const mask = new Uint8Array(size);
      mask[0] = 1;
      addon.setAffinity(pid, mask);
      expect(cpus(addon.getAffinity(pid))).toEqual([0]);
    }
  });

  test('a refusal names the CPUs and the task', () => {
    expect(() => addon.setAffinity(NOBODY, Uint8Array.of(0b1011, 0, 1))).toThrow(
      expect.objectContaining({
        code: 'ESRCH',
        value: '0-1,3,16',
        path: `/proc/${NOBODY}`,
        syscall: 'sched_setaffinity',
      }),
    );
    expect(() => addon.setAffinity(0, new Uint8Array(8))).toThrow(
      expect.objectContaining({ code: 'EINVAL', value: '' }),
    );
    expect(() => addon.getAffinity(NOBODY)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
  });
});

test('the size is probed: from 128 bytes on, doubled as long as the kernel says EINVAL', () => {
  const log = join(tmpdir(), `vfio-isolate-test-strace-${process.pid}`);
  const sizes = (...options: string[]): number[] => {
    const size = inChild<number>(
      'return addon.getAffinity(0).length;',
      [],
      strace(log, 'sched_getaffinity', ...options),
    );
    expect(size).toBe(addon.getAffinity(0).length);
    const calls = readFileSync(log, 'utf8').matchAll(/^(\d+) +sched_getaffinity\(\d+, (\d+),/gm);
    rmSync(log);
    const all = Array.from(calls, ([, thread, bytes]) => ({ thread, bytes: Number(bytes) }));
    // strace counts each thread's calls apart.
    return all.filter(({ thread }) => thread === all.at(-1)?.thread).map(({ bytes }) => bytes);
  };
  // Ours is the last call; those before are made as the process starts.
  const ours = sizes().length;
  const asked = sizes('-e', `inject=sched_getaffinity:error=EINVAL:when=${ours}..${ours + 6}`);
  expect(asked.slice(ours - 1)).toEqual([128, 256, 512, 1024, 2048, 4096, 8192, 16384]);
});

describe('many tasks', () => {
  test('their masks are read in one call, gone ones with their errno', async () => {
    const tids = Int32Array.of(sleeper(), NOBODY, 0, 1);
    const control = newControl();
    const { size, masks, errors } = await addon.getAffinities(tids, control);
    expect([...errors]).toEqual([0, -3, 0, 0]);
    expect(masks.length).toBe(size * 4);
    expect(masks.subarray(2 * size, 3 * size)).toEqual(addon.getAffinity(0));
    expect(masks.subarray(size, 2 * size).every((byte) => byte === 0)).toBe(true);
    expect(control[1]).toBe(4);
  });

  test('TID 0 is the thread that called, not the one that works', async () => {
    const before = addon.getAffinity(0);
    try {
      await addon.setAffinities(Int32Array.of(0), Uint8Array.of(1), 1, '/proc', newControl());
      expect(cpus(addon.getAffinity(0))).toEqual([0]);
      expect(cpus(addon.getAffinity(process.pid))).toEqual([0]);
    } finally {
      addon.setAffinity(0, before);
    }
  });

  test('one mask for all, or one each', async () => {
    const tids = Int32Array.from({ length: 16 }, sleeper);
    // As many bytes as tasks: only the size given tells the two apart.
    const all = new Uint8Array(16);
    all[0] = 1;
    expect(await addon.setAffinities(tids, all, 16, '/proc', newControl())).toEqual({
      done: 16,
      gone: 0,
      cancelled: false,
      refused: [],
    });
    for (const tid of tids) expect(taskset(tid)).toBe('0');
    const each = Uint8Array.from(tids, (_, row) => (row % 2 === 0 ? 0b10 : 0b11));
    await addon.setAffinities(tids, each, 1, '/proc', newControl());
    for (const [row, tid] of tids.entries()) expect(taskset(tid)).toBe(row % 2 === 0 ? '1' : '0,1');
  });

  test('those that are gone are counted, those that refuse are named', async () => {
    const pid = sleeper();
    const masks = Uint8Array.of(1, 1, 0);
    const result = await addon.setAffinities(Int32Array.of(pid, NOBODY, pid), masks, 1, '/proc', newControl());
    expect(result).toMatchObject({ done: 1, gone: 1, refused: [{ tid: pid, errno: -22, comm: 'sleep' }] });
    expect(result.refused[0]?.flags).toBeGreaterThan(0);
  });

  test('none at all', async () => {
    const none = new Int32Array();
    expect((await addon.getAffinities(none, newControl())).masks).toHaveLength(0);
    expect(await addon.setAffinities(none, new Uint8Array(), 8, '/proc', newControl())).toMatchObject({ done: 0 });
  });

  test('a cancelled call does nothing more', async () => {
    const pid = sleeper();
    const control = Int32Array.of(1, 0);
    expect(await addon.setAffinities(Int32Array.of(pid), Uint8Array.of(1), 1, '/proc', control)).toMatchObject({
      done: 0,
      cancelled: true,
    });
    expect([...(await addon.getAffinities(Int32Array.of(pid), control)).errors]).toEqual([-125]);
    expect(taskset(pid)).toBe('0,1');
  });
});

test.skipIf(notInPlace)(
  `a kernel thread bound to its CPU refuses (${notInPlace ?? 'its own mask, which changes nothing'})`,
  async () => {
    // ksoftirqd/0, given the very mask that it has.
    const tid = execFileSync('pgrep', ['-x', 'ksoftirqd/0'], { encoding: 'utf8' }).trim();
    const result = await addon.setAffinities(
      Int32Array.of(Number(tid)),
      addon.getAffinity(Number(tid)),
      addon.getAffinity(0).length,
      '/proc',
      newControl(),
    );
    expect(result.done + result.refused.length).toBe(1);
    for (const { comm, flags } of result.refused)
      expect([comm, flags & 0x04200000]).toEqual(['ksoftirqd/0', 0x04200000]);
  },
);

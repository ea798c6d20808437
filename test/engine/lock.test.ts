/** The lock of a stand-in host, whose file somebody removes. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { acquireLock, type Lock } from '../../lib/engine/lock.js';
import type { Host } from '../../lib/host.js';
import { hostTree } from '../support/tree.js';

/** Called between the lock's file being opened and its being locked. */
const beforeLocking = vi.hoisted(() => ({ act: () => {} }));

vi.mock('../../lib/native.js', async (original) => {
  const { native } = await original<typeof import('../../lib/native.js')>();
  const lock = (fd: number) => {
    beforeLocking.act();
    return native().lock(fd);
  };
  return { native: () => ({ ...native(), lock }) };
});

let host: Host;
let held: Lock[];
beforeEach(() => {
  host = hostTree({});
  held = [];
});
afterEach(() => {
  beforeLocking.act = () => {};
  for (const { release } of held) release();
});

const acquire = async (wait: number) => {
  const lock = await acquireLock(host, wait);
  held.push(lock);
  return lock;
};
const release = (lock: Lock) => {
  held = held.filter((one) => one !== lock);
  lock.release();
};
const clear = () => rmSync(`${host.run}/vfio-isolate`, { recursive: true });

test('one that waits does not get the lock of a file that was removed, beside one that has the new', async () => {
  const first = await acquire(0);
  const second = acquire(30);
  await delay(100);
  clear();
  const third = await acquire(0);
  release(first);
  const early = await Promise.race([second, delay(300)]);
  expect(early).toBeUndefined();
  release(third);
  await second;
});

test('nor does one whose file is removed just before it locks it', async () => {
  let other: Promise<Lock> | undefined;
  beforeLocking.act = () => {
    beforeLocking.act = () => {};
    clear();
    other = acquire(0);
  };
  await expect(acquire(0.1)).rejects.toMatchObject({
    code: 'ERR_LOCKED',
    message: 'another run holds the lock, and did for 0.1 s',
  });
  release((await other) as Lock);
  await acquire(0);
});

test.each([0, 0.1])('a file that is removed each time ends with the wait (%s s), and is named', async (wait) => {
  beforeLocking.act = clear;
  await expect(acquire(wait)).rejects.toMatchObject({
    code: 'ERR_LOCKED',
    message: `${host.run}/vfio-isolate/lock is removed by somebody each time that it is locked, and was for ${wait} s`,
    remedy: 'find out what removes it, and have that stop',
  });
});

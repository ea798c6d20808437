/** One run at a time changes a host: the others wait for the lock (flock(2)), which dies with the last that holds it. */
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { fromNode, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { native } from '../native.js';
import { delay } from '../pause.js';
import { needingRoot, openStore, storeOf } from './record/store.js';
import type { StopSignal } from './report.js';

/** How often a waiting run tries again; short enough for a signal to be seen in time. */
const PAUSE_MS = 50;

export interface Lock {
  /** Its file descriptor. */
  readonly fd: number;
  release(): void;
}

/**
 * Where somebody removes the lock's file, one that waits does not get the removed one's lock beside a run that has the
 * new one's. A run that holds the lock meanwhile is not seen by those that come later: they make a new file.
 * @param wait seconds
 * @throws VfioIsolateError `ERR_LOCKED` when the time is over, `ABORT_ERR`; SystemError where the caller may not have it
 */
export async function acquireLock(host: Host, wait: number, signal?: StopSignal): Promise<Lock> {
  const until = performance.now() + wait * 1000;
  for (;;) {
    const got = tryLock(host);
    if (typeof got === 'number') return { fd: got, release: () => closeSync(got) };
    if (performance.now() >= until) throw got === 'held' ? locked(wait) : removed(host, wait);
    if (signal?.aborted) throw new VfioIsolateError('ABORT_ERR', 'stopped while waiting for the lock');
    await delay(PAUSE_MS);
  }
}

/** Opens the file anew each time, since it may have been removed. @returns its descriptor, or why it could not be had */
function tryLock(host: Host): number | 'held' | 'removed' {
  const fd = openLockFile(host);
  let isLocked = false;
  try {
    isLocked = native().lock(fd);
    if (isLocked && isInPlace(host, fd)) return fd;
  } catch (error) {
    closeSync(fd);
    throw fromNode(error);
  }
  closeSync(fd);
  return isLocked ? 'removed' : 'held';
}

function isInPlace(host: Host, fd: number): boolean {
  const opened = fstatSync(fd, { bigint: true });
  const present = statSync(lockFile(host), { bigint: true, throwIfNoEntry: false });
  return opened.dev === present?.dev && opened.ino === present.ino;
}

const lockFile = (host: Host) => `${storeOf(host)}/lock`;

function locked(wait: number): VfioIsolateError {
  return new VfioIsolateError('ERR_LOCKED', `another run holds the lock, and did for ${wait} s`, {
    remedy: 'let it finish, or wait longer with --wait SECONDS',
  });
}

function removed(host: Host, wait: number): VfioIsolateError {
  const message = `${lockFile(host)} is removed by somebody each time that it is locked, and was for ${wait} s`;
  return new VfioIsolateError('ERR_LOCKED', message, { remedy: 'find out what removes it, and have that stop' });
}

function openLockFile(host: Host): number {
  openStore(host);
  const path = lockFile(host);
  try {
    // O_NOFOLLOW, and a regular file: the lock must be the one that every other run takes.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const fd = openSync(path, flags, 0o600);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    throw new VfioIsolateError('ERR_STATE', `${path} is not a regular file`, { remedy: 'remove it' });
  } catch (error) {
    throw needingRoot(host, error);
  }
}

/**
 * Calls that may hang in the kernel, or take very long, for no sake of anybody's: each is made by a process of its own,
 * which is waited for so long and then left behind. A thread of ours in its place would keep our own process from ending,
 * and with it a hook and its caller.
 */
import { fromNode, isSystemError, SystemError, VfioIsolateError } from '../errors.js';
import { type Control, native } from '../native.js';
import { delay } from '../pause.js';

/** A large host needs some seconds to compact its memory, or to drop its caches. */
const LIMIT_MS = 30_000;
const PAUSE_MS = 5;

const EINTR = -4;

export const LIMIT = `${LIMIT_MS / 1000} s`;

export interface ApartOptions {
  readonly control: Control;
  /** How long it is waited for. */
  readonly limit?: number;
  /** What fails, for the error. */
  readonly call: { readonly syscall: string; readonly path?: string; readonly value?: string };
}

/**
 * Waits for a process that the addon has started, for so long, or until the run is cancelled; then kills it, and does not
 * wait for its end: in the kernel it may not see that for as long as it hangs.
 * @returns whether it has done its work
 * @throws SystemError that its call was refused with; VfioIsolateError `ABORT_ERR`
 */
export async function endsInTime(pid: number, { control, limit = LIMIT_MS, call }: ApartOptions): Promise<boolean> {
  for (const end = performance.now() + limit; ; await delay(PAUSE_MS)) {
    const errno = native().endedApart(pid);
    if (errno === 0) return true;
    if (errno === EINTR) return false;
    if (errno !== undefined) throw new SystemError({ errno, ...call });
    const isCancelled = Atomics.load(control, 0) !== 0;
    if (!isCancelled && performance.now() < end) continue;
    kill(pid);
    if (isCancelled) throw new VfioIsolateError('ABORT_ERR', 'stopped by a signal');
    return false;
  }
}

function kill(pid: number): void {
  try {
    // Nobody else has waited for it, so its PID is still its own.
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(fromNode(error), 'ESRCH')) throw error;
  }
}

/** What a bulk call is told, and tells. */
import { errnoName } from '../errors.js';
import type { Refusal } from '../native.js';

export interface BulkOptions {
  /** Stops the call before its next task; what has been done stays. The call rejects with `ABORT_ERR`. */
  readonly signal?: AbortSignal;
  /**
   * Called ten times a second, and at the end, with the number of tasks looked at or dealt with so far. A task that is
   * both selected and changed counts twice.
   */
  readonly onProgress?: (tasks: number) => void;
}

/** A task that stays as it is. */
export interface TaskRefusal {
  /** 0 stands for tasks of another PID namespace, which have no number here. */
  readonly tid: number;
  /** Its name, empty where it has exited since. */
  readonly comm: string;
  /** The kernel's answer, such as `EINVAL`; undefined where the task was not tried. */
  readonly code: string | undefined;
  /** Why, in words. */
  readonly reason: string;
}

export interface BulkResult {
  /** Threads that were moved or set; of a process that went as a whole, all of them where they were counted. */
  readonly done: number;
  /** Tasks that exited first. */
  readonly gone: number;
  readonly refused: readonly TaskRefusal[];
  /** Whether new tasks still kept appearing when the call gave up looking for them, after 100 passes. */
  readonly unsettled: boolean;
}

export interface Tally {
  done: number;
  gone: number;
  refused: TaskRefusal[];
  unsettled: boolean;
}

export const newTally = (): Tally => ({ done: 0, gone: 0, refused: [], unsettled: false });

export function refusalOf(refusal: Refusal, reason: string): TaskRefusal {
  const { tid, comm, errno } = refusal;
  return { tid, comm, code: errno === 0 ? undefined : errnoName(errno), reason };
}

/** Tasks in a record, by TID and start time. Looked at one by one in a plain loop: there may be fifty thousand. */
import * as v from 'valibot';
import type { TaskId } from '../kernel/tasks.js';

/** So many are done before they are marked: what a kill in between leaves unmarked. */
export const MARKED_AT_ONCE = 256;

/** A time in clock ticks since boot. */
export const ticks = v.pipe(v.number(), v.finite(), v.minValue(0));

export const taskId = v.custom<TaskId>((value) => beginsWithTaskId(value, 2), 'a TID with its start time is expected');

export const taskIds = v.custom<TaskId[]>(
  (value) => Array.isArray(value) && value.every((item) => beginsWithTaskId(item, 2)),
  'a list of TIDs with start times is expected',
);

/** Whether a value is a tuple of so many members, of which the first two are those of a {@link TaskId}. */
export function beginsWithTaskId(value: unknown, length: number): value is unknown[] {
  if (!Array.isArray(value) || value.length !== length) return false;
  const [tid, start] = value;
  return Number.isInteger(tid) && tid > 0 && tid <= 0x7fff_ffff && Number.isFinite(start) && start >= 0;
}

/** What a record knows of each task whose CPUs were set: what it had first, and all that it was given. */
import * as v from 'valibot';
import { type Cpus, hasCpus, type SeenTask } from '../../kernel/task-cpus.js';
import { type TaskId, taskKey } from '../../kernel/tasks.js';
import { parseList } from '../../sets/list.js';
import type { Mark, Marking } from '../marks.js';
import type { Entry } from '../step.js';
import { type AffinityStep, type Row, rows } from './shape.js';

/** Rows found while a step was applied. */
export const lateShape = v.object({ late: rows });

export interface Touched {
  readonly task: TaskId;
  readonly first: Cpus;
  /** In order; the last one is what it was left with. */
  readonly given: readonly Cpus[];
  /** When it was given the first, in clock ticks since boot. */
  readonly began: number;
  /** It was given back what it had first. */
  readonly ended: Mark | undefined;
  /** Of the step that gave it the first: whoever inherited that may have been given back what it had, too. */
  readonly marking: Marking;
}

/**
 * By TID and start time, so that a reused TID is another task: one for each time that it was set, until it was given back
 * what it had.
 */
export function touchedIn(entry: Entry<AffinityStep>): Map<string, Touched[]> {
  const found = new Map<string, (Touched & { given: Cpus[] })[]>();
  for (const { step, details, marking = () => undefined } of entry.parts) {
    for (const [tid, start, first, to] of rowsOf(step, details)) {
      const task = [tid, start] as const;
      const ended = marking(task);
      const times = found.get(taskKey(tid, start));
      const last = times?.at(-1);
      const now = { task, first, given: [to], began: step.began, ended, marking };
      if (times === undefined || last === undefined) found.set(taskKey(tid, start), [now]);
      else if (last.ended === undefined || last.ended === ended) last.given.push(to);
      else times.push(now);
    }
  }
  return found;
}

export function rowsOf(step: AffinityStep, details: readonly object[]): Row[] {
  const late = details.filter((detail) => 'late' in detail).flatMap((detail) => v.parse(lateShape, detail).late);
  return [...step.tasks, ...late];
}

/** Whether a step only gave it back what it had: then there is nothing to undo. */
export const isUnchanged = ({ first, given }: Touched): boolean => given.every((cpus) => cpus === first);

/**
 * Whether a task has what it was given, or what the kernel has made of that since: all of its cpuset where that has none of
 * these CPUs. Before 6.2 any change of its cpuset gave it all of that, and what of its mask was then set again, some. The
 * root cpuset is not changed: what comes into it has all of it, and what was there keeps what it has.
 */
export function hasWhatWasGiven(task: SeenTask, { given }: Touched, remembered: boolean): boolean {
  if (given.some((cpus) => hasCpus(task, cpus))) return true;
  const lists = given.filter((cpus) => cpus !== null).map((cpus) => parseList(cpus));
  const hasAll = task.allowed.isSubsetOf(task.cpus);
  if (remembered) return hasAll && lists.some((list) => !list.overlaps(task.allowed));
  return lists.length > 0 && (hasAll || (lists.some((list) => task.cpus.isSubsetOf(list)) && !task.inRoot));
}

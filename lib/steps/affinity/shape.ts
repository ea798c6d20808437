/** An affinity step as plain JSON: its tasks are one short row each, as there may be fifty thousand. */
import * as v from 'valibot';
import type { Cpus } from '../../kernel/task-cpus.js';
import type { TaskId } from '../../kernel/tasks.js';
import { parseList } from '../../sets/list.js';
import type { Step } from '../step.js';
import { beginsWithTaskId } from '../task-ids.js';

/** A task, known by TID and start time, and the CPUs that it goes from and to. */
export type Row = readonly [tid: number, start: number, from: Cpus, to: Cpus];

/** Which tasks a step is for. */
export interface Scope {
  /** Processes with all their threads. */
  readonly processes: readonly TaskId[];
  /** Single threads. */
  readonly threads: readonly TaskId[];
  /** Every kernel thread that may be moved, kthreadd included. */
  readonly kernelThreads: boolean;
}

/** A process whose threads exit before they can be looked at: those no older than that go from and to these CPUs. */
export interface Vanishing {
  readonly process: TaskId;
  /** Clock ticks since boot. */
  readonly since: number;
  readonly from: Cpus;
  readonly to: Cpus;
}

export interface AffinityStep extends Step<'affinity', Cpus> {
  readonly tasks: readonly Row[];
  /** When the tasks were looked at, in clock ticks since boot: what is younger may have inherited its CPUs. */
  readonly began: number;
  /** Where new tasks are looked for while it is applied; none where it gives back. */
  readonly scope?: Scope | undefined;
  /** Where it gives back: processes of which it cannot name all threads. */
  readonly vanishing?: readonly Vanishing[] | undefined;
}

export const rows = v.custom<Row[]>(
  (value) =>
    Array.isArray(value) && value.every((item) => beginsWithTaskId(item, 4) && isCpus(item[2]) && isCpus(item[3])),
  'a list of tasks with their CPUs is expected',
);

export function isCpus(value: unknown): value is Cpus {
  if (value === null) return true;
  // Throws for a text that is no cpulist.
  return typeof value === 'string' && !parseList(value).isEmpty;
}

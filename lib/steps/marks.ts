/** Which tasks hold no longer what steps of a record gave them: each is marked as soon as that is so. */
import { type TaskId, taskKey } from '../kernel/tasks.js';

/** What of a step is marked task by task: what its kind did to tasks, or the masks that it has on record. */
export const MARKED = ['tasks', 'affinity', 'masks'] as const;
export type Marked = (typeof MARKED)[number];

export const isMarked = (kind: string): kind is Marked => MARKED.some((one) => one === kind);

/** Tasks that were given back what they had before the steps of a range. */
export interface Mark {
  readonly of: Marked;
  /** Numbers of steps. */
  readonly first: number;
  readonly last: number;
  /** When, in clock ticks since boot. */
  readonly at: number;
}

/** The mark of a task, or undefined if it holds what a step gave it. */
export type Marking = (task: TaskId) => Mark | undefined;

/** Few tasks have more than one. */
interface Chain {
  readonly mark: Mark;
  readonly before: Chain | undefined;
}

export class Marks {
  readonly #of = new Map<Marked, Map<string, Chain>>(MARKED.map((one) => [one, new Map()]));

  add(mark: Mark, tasks: readonly TaskId[]): void {
    const known = this.#of.get(mark.of);
    const first: Chain = { mark, before: undefined };
    for (const [tid, start] of tasks) {
      const key = taskKey(tid, start);
      const before = known?.get(key);
      known?.set(key, before === undefined ? first : { mark, before });
    }
  }

  /** The first mark of a task that covers a step. */
  find(of: Marked, step: number, [tid, start]: TaskId): Mark | undefined {
    let found: Mark | undefined;
    for (let at = this.#of.get(of)?.get(taskKey(tid, start)); at !== undefined; at = at.before)
      if (at.mark.first <= step && step <= at.mark.last) found = at.mark;
    return found;
  }
}

/** Where each task of a record's moves was first seen: its home. */
import type { Host } from '../../host.js';
import { type TaskId, taskKey, taskStatus } from '../../kernel/tasks.js';

/** One move of the record: its step, and what it wrote as it went. Cgroups are directories. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** When it began, in clock ticks since boot; undefined where it was stopped before it moved anything. */
  readonly began: number | undefined;
  /** The destination's own tasks at that time. */
  readonly residents: readonly TaskId[];
  readonly batches: readonly Batch[];
}

export interface Batch {
  readonly from: string;
  readonly processes: readonly TaskId[];
  readonly threads: readonly TaskId[];
}

interface Destination {
  /** When the first move there began: a task that is older was not born there since. */
  readonly began: number;
  /** Source of the last move there. */
  readonly source: string;
}

export class Homes {
  readonly #tasks = new Map<string, { readonly task: TaskId; readonly home: string; readonly whole: boolean }>();
  readonly #destinations = new Map<string, Destination>();

  /** @param moves in the order in which they were made: what is seen first counts */
  constructor(moves: readonly Move[]) {
    for (const { from, to, began, residents, batches } of moves) {
      if (began === undefined) continue;
      const before = this.#destinations.get(to);
      // Residents of a later move there are what the earlier one brought, or was born to it.
      if (before === undefined) for (const task of residents) this.#learn(task, to, false);
      for (const { from: home, processes, threads } of batches) {
        for (const task of processes) this.#learn(task, home, true);
        for (const task of threads) this.#learn(task, home, false);
      }
      this.#destinations.set(to, { began: before?.began ?? began, source: this.#sourceOf(from) });
    }
  }

  get destinations(): readonly string[] {
    return [...this.#destinations.keys()];
  }

  /** Every recorded task. */
  tasks(): Iterable<{ readonly task: TaskId; readonly home: string; readonly whole: boolean }> {
    return this.#tasks.values();
  }

  /** The home of a recorded task. */
  home(tid: number, start: number | undefined): string | undefined {
    return start === undefined ? undefined : this.#tasks.get(taskKey(tid, start))?.home;
  }

  /** The home of the nearest recorded ancestor, the parent included. */
  homeOfAncestor(host: Host, parent: number): string | undefined {
    for (let pid = parent; pid > 0; ) {
      const status = taskStatus(host, pid);
      if (status === undefined) return undefined;
      const home = this.home(pid, status.start);
      if (home !== undefined) return home;
      pid = status.ppid;
    }
    return undefined;
  }

  /** Whether a task can have been born in a destination since the first move there. */
  isBornIn(destination: string, start: number): boolean {
    return start >= (this.#destinations.get(destination)?.began ?? Number.POSITIVE_INFINITY);
  }

  /** Where tasks of a destination belong that nothing else is known of. */
  source(destination: string): string {
    return this.#destinations.get(destination)?.source ?? destination;
  }

  #learn(task: TaskId, home: string, whole: boolean): void {
    const key = taskKey(...task);
    if (!this.#tasks.has(key)) this.#tasks.set(key, { task, home, whole });
  }

  /** A source that tasks were moved to before is no home; theirs is where they came from then. */
  #sourceOf(from: string): string {
    return this.#destinations.get(from)?.source ?? from;
  }
}

/** Where each task of a record's moves was first seen: its home. One that was brought home may have another the next time. */

import type { Host } from '../../host.js';
import { cgroupOf, type TaskId, taskKey, taskStatus } from '../../kernel/tasks.js';
import type { Mark, Marking } from '../marks.js';

/** One move of the record: its step, and what it wrote as it went. Cgroups are directories. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** When it began, in clock ticks since boot; undefined where it was stopped before it moved anything. */
  readonly began: number | undefined;
  /** The destination's own tasks at that time. */
  readonly residents: readonly TaskId[];
  readonly batches: readonly Batch[];
  /** Of tasks that it holds no longer. */
  readonly marking: Marking;
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
  /** Of the first move there. */
  readonly marking: Marking;
}

/** A task away from home, until it was brought back there. */
interface Absence {
  readonly task: TaskId;
  readonly home: string;
  readonly whole: boolean;
  readonly ended: Mark | undefined;
  /** The one before it. */
  readonly before: Absence | undefined;
}

export class Homes {
  /** The last of each task. */
  readonly #tasks = new Map<string, Absence>();
  readonly #destinations = new Map<string, Destination>();

  /** @param moves in the order in which they were made: what is seen first counts */
  constructor(moves: readonly Move[]) {
    for (const move of moves) {
      const { from, to, began, residents, batches, marking } = move;
      if (began === undefined) continue;
      const before = this.#destinations.get(to);
      // Residents of a later move there are what the earlier one brought, or was born to it.
      if (before === undefined) for (const task of residents) this.#learn(move, task, to, false);
      for (const { from: home, processes, threads } of batches) {
        for (const task of processes) this.#learn(move, task, home, true);
        for (const task of threads) this.#learn(move, task, home, false);
      }
      this.#destinations.set(to, {
        began: before?.began ?? began,
        source: this.#sourceOf(from),
        marking: before?.marking ?? marking,
      });
    }
  }

  get destinations(): readonly string[] {
    return [...this.#destinations.keys()];
  }

  /** Every recorded task that was not brought home. */
  *tasks(): Generator<Absence> {
    for (const last of this.#tasks.values()) if (last.ended === undefined) yield last;
  }

  /** The home of a recorded task that was not brought there. */
  home(tid: number, start: number | undefined): string | undefined {
    const last = this.#last(tid, start);
    return last?.ended === undefined ? last?.home : undefined;
  }

  /** Whether a task was brought out of a destination, or was found to belong there: so that it is there is somebody's wish. */
  isSettled(destination: string, task: TaskId): boolean {
    return this.#destinations.get(destination)?.marking(task) !== undefined;
  }

  /** Where a task was brought last. */
  lastHome(tid: number, start: number | undefined): string | undefined {
    return this.#last(tid, start)?.home;
  }

  /** The home of the nearest recorded ancestor, the parent included, as it was when a task was born in a destination. */
  homeOfAncestor(host: Host, destination: string, parent: number, born: number): string | undefined {
    for (let pid = parent; pid > 0; ) {
      const status = taskStatus(host, pid);
      if (status === undefined) return undefined;
      const home = this.homeAt(pid, status.start, born);
      if (home !== undefined) {
        // What is born to a task that somebody has put there since goes nowhere without it.
        const isTheirs = this.#endedBefore(pid, status.start, born) && cgroupOf(host, pid) === destination;
        return isTheirs ? destination : home;
      }
      pid = status.ppid;
    }
    return undefined;
  }

  /** The home that a recorded task had at a time, or the last that it had. */
  homeAt(tid: number, start: number, time: number): string | undefined {
    let absence = this.#last(tid, start);
    while (absence?.before?.ended !== undefined && time <= absence.before.ended.at) absence = absence.before;
    return absence?.home;
  }

  /** Whether a task can have been born in a destination since the first move there. */
  isBornIn(destination: string, start: number): boolean {
    return start >= (this.#destinations.get(destination)?.began ?? Number.POSITIVE_INFINITY);
  }

  /** Where tasks of a destination belong that nothing else is known of. */
  source(destination: string): string {
    return this.#destinations.get(destination)?.source ?? destination;
  }

  #endedBefore(tid: number, start: number, time: number): boolean {
    const ended = this.#last(tid, start)?.ended;
    return ended !== undefined && ended.at < time;
  }

  #last(tid: number, start: number | undefined): Absence | undefined {
    return start === undefined ? undefined : this.#tasks.get(taskKey(tid, start));
  }

  #learn({ marking }: Move, task: TaskId, home: string, whole: boolean): void {
    const ended = marking(task);
    const key = taskKey(...task);
    const before = this.#tasks.get(key);
    // Until it was brought home, it did not go anew.
    const isOn = before !== undefined && (before.ended === undefined || before.ended === ended);
    if (!isOn) this.#tasks.set(key, { task, home, whole, ended, before });
  }

  /** A source that tasks were moved to before is no home; theirs is where they came from then. */
  #sourceOf(from: string): string {
    return this.#destinations.get(from)?.source ?? from;
  }
}

/** Whose child a task is: threads come from their process, processes from their parent, kernel threads from kthreadd. */
import type { Host } from '../host.js';
import { type TaskStatus, taskStatus } from './tasks.js';

export interface Ancestor extends TaskStatus {
  readonly pid: number;
}

/** Looks at each process once: of many tasks the ancestors are the same. */
export class Lineage {
  readonly #host: Host;
  readonly #statuses = new Map<number, TaskStatus | undefined>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** The living ancestors of a task, the nearest first: a thread's process, then the parent, its parent, and so on. */
  *ancestors(pid: number, tid: number, parent: number): Generator<Ancestor> {
    for (let at = tid === pid ? parent : pid; at > 0; ) {
      const status = this.#statusOf(at);
      if (status === undefined) return;
      yield { pid: at, ...status };
      at = status.ppid;
    }
  }

  #statusOf(pid: number): TaskStatus | undefined {
    if (!this.#statuses.has(pid)) this.#statuses.set(pid, taskStatus(this.#host, pid));
    return this.#statuses.get(pid);
  }
}

/** Tasks that go home, by the cgroup that they go to: whole processes where all their threads do, else single threads. */
import { type Host, listIfThere, readIfThere } from '../../host.js';
import { cpusetExists, parentOf } from '../../kernel/cpuset.js';
import { findCpusets } from '../../kernel/mounts.js';
import type { TaskId } from '../../kernel/tasks.js';

export interface Group {
  readonly from: string;
  readonly to: string;
  readonly processes: TaskId[];
  readonly threads: TaskId[];
  /** By TID: the tasks that are home with it, which may be none. */
  readonly members: Map<number, readonly TaskId[]>;
}

/** A thread in a destination, and its home. */
export interface Homeward {
  readonly task: TaskId;
  readonly home: string;
}

export class Groups {
  readonly notes: string[] = [];
  /** Homes that do not exist, and may come back once something else is undone. */
  readonly missing = new Set<string>();
  readonly #groups = new Map<string, Group>();
  readonly #nearest = new Map<string, string>();
  readonly #host: Host;
  readonly #version: 1 | 2;
  readonly #settle: boolean;

  /** @param settle whether a home that does not exist will not come back: the nearest cgroup above it stands in */
  constructor(host: Host, settle: boolean) {
    this.#host = host;
    this.#version = findCpusets(host).version;
    this.#settle = settle;
  }

  all(): Group[] {
    return [...this.#groups.values()];
  }

  /** @param threads those of one process that are in a cgroup */
  add(from: string, pid: number, threads: readonly Homeward[]): void {
    const [first] = threads;
    if (first === undefined || threads.every(({ home }) => home === from)) return;
    const together = threads.every(({ home }) => home === first.home) && this.#isWhole(pid, threads.length);
    if (together) {
      const leader = threads.find(({ task: [tid] }) => tid === pid) ?? first;
      this.bring(from, leader, true)?.members.set(
        leader.task[0],
        threads.map(({ task }) => task),
      );
    } else {
      for (const thread of threads) this.bring(from, thread, false);
    }
  }

  /** @returns the group that it goes with */
  bring(from: string, { task, home }: Homeward, whole: boolean): Group | undefined {
    const to = this.destinationFor(home);
    if (to === undefined || to === from) return undefined;
    const key = `${from}\n${to}`;
    const group = this.#groups.get(key) ?? { from, to, processes: [], threads: [], members: new Map() };
    this.#groups.set(key, group);
    (whole ? group.processes : group.threads).push(task);
    return group;
  }

  /** Of a task that somebody else has moved, and whose home does not exist: nowhere else is better than where it is. */
  leave(at: string, { home }: Homeward): void {
    if (this.#settle) this.#note(`${home} no longer exists: tasks of it that somebody else has moved stay in ${at}`);
    else this.missing.add(home);
  }

  /**
   * Whether a write to cgroup.procs moves these threads and no other. v2 moves only whole processes. On v1 a process
   * with one thread here is moved as that thread, wherever others of it may be.
   */
  #isWhole(pid: number, threadsHere: number): boolean {
    if (this.#version === 2) return true;
    return threadsHere > 1 && listIfThere(this.#host, `${this.#host.proc}/${pid}/task`)?.length === threadsHere;
  }

  /** The home itself, or the nearest cgroup above it that exists. */
  nearest(home: string): string {
    const nearest = this.#nearest.get(home) ?? nearestCgroup(this.#host, home);
    this.#nearest.set(home, nearest);
    return nearest;
  }

  /** The same where that may stand in for it by now, or the home is yet to come back. */
  destinationFor(home: string): string | undefined {
    const nearest = this.nearest(home);
    if (nearest === home) return home;
    if (!this.#settle) {
      this.missing.add(home);
      return undefined;
    }
    const why = cpusetExists(this.#host, home) ? 'takes no tasks' : 'no longer exists';
    this.#note(`${home} ${why}: its tasks went to ${nearest}`);
    return nearest;
  }

  #note(note: string): void {
    if (!this.notes.includes(note)) this.notes.push(note);
  }
}

/** On v2 a cgroup that hands controllers on takes no tasks (EBUSY), and in a slice they would keep units from starting. */
function nearestCgroup(host: Host, directory: string): string {
  const { version, mountPoint } = findCpusets(host);
  if (directory === mountPoint || (cpusetExists(host, directory) && (version === 1 || takesTasks(host, directory)))) {
    return directory;
  }
  return nearestCgroup(host, parentOf(directory));
}

function takesTasks(host: Host, directory: string): boolean {
  return !directory.endsWith('.slice') && (readIfThere(host, `${directory}/cgroup.subtree_control`) ?? '') === '';
}

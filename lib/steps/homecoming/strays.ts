/** Where recorded tasks are that are not brought home yet: in a destination, at home, elsewhere, or no more. */
import type { Host } from '../../host.js';
import { findCpusets } from '../../kernel/mounts.js';
import { newPace } from '../../kernel/pace.js';
import { cgroupOf, isDead, type TaskId, type TaskStatus, taskStatus, threadsOf } from '../../kernel/tasks.js';
import type { Groups, Homeward } from './groups.js';
import type { Homes } from './homes.js';

export interface FoundStray {
  readonly thread: Homeward;
  readonly whole: boolean;
  readonly cgroup: string;
}

export interface Looked {
  readonly strays: FoundStray[];
  /** Those at home. */
  readonly back: TaskId[];
  /** Those that have exited. */
  readonly gone: TaskId[];
  /** Those that stand for a process of which not all threads are in one destination. */
  readonly scattered: Set<number>;
}

/** Recorded tasks that are alive and neither in a destination nor home; of a whole process, any of its threads. */
export async function findStrays(
  host: Host,
  homes: Homes,
  groups: Groups,
  seen: ReadonlyMap<number, string>,
  settle: boolean,
): Promise<Looked> {
  // A cgroup of v2 lists processes, and holds them with all of their threads.
  const isTogether = findCpusets(host).version === 2;
  const found: Looked = { strays: [], back: [], gone: [], scattered: new Set() };
  const pace = newPace();
  for (const { task, home, whole } of homes.tasks()) {
    await pace();
    const [tid, start] = task;
    const here = seen.get(tid);
    if (here !== undefined && !whole) {
      if (here === home) found.back.push(task);
      continue;
    }
    if (here === undefined && !isAlive(taskStatus(host, tid), start)) {
      found.gone.push(task);
      continue;
    }
    const threads = whole && !(here !== undefined && isTogether) ? threadsOf(host, tid) : [tid];
    if (here !== undefined && threads.some((thread) => seen.get(thread) !== here)) found.scattered.add(tid);
    let isBack = threads.every((thread) => !seen.has(thread) || seen.get(thread) === home);
    for (const thread of threads.filter((other) => !seen.has(other))) {
      const cgroup = cgroupOf(host, thread);
      const status = thread === tid ? { start } : taskStatus(host, thread);
      if (cgroup === undefined || status === undefined) continue;
      if (cgroup === groups.nearest(home)) {
        isBack &&= settle || cgroup === home;
        continue;
      }
      isBack = false;
      const isWhole = whole && here === undefined && thread === tid;
      found.strays.push({ thread: { task: [thread, status.start], home }, whole: isWhole, cgroup });
    }
    if (isBack) found.back.push(task);
  }
  return found;
}

function isAlive(status: TaskStatus | undefined, start: number): boolean {
  return status !== undefined && status.start === start && !isDead(status);
}

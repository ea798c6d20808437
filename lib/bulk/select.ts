/** Selecting tasks, by what they are. */
import type { Host } from '../host.js';
import type { PlacedHierarchy } from '../kernel/door.js';
import type { Selected, SelectRequest } from '../native.js';
import { atOnce, type Context, inBackground, MAX_PASSES, type Work } from './call.js';
import type { BulkOptions } from './result.js';
import { filterMembers, listPath, relativePath, type TaskFilter } from './source.js';

/**
 * The TIDs of the tasks that a filter admits, as they are now: of processes their first thread's, which is the PID.
 * Tasks that exit meanwhile are left out. A TID may be reused as soon as its task has exited.
 * @throws UsageError for a filter that says nothing sensible; SystemError (a cgroup that is not there: `ENOENT`);
 * VfioIsolateError `ABORT_ERR`
 */
export function selectTasks(host: Host, filter: TaskFilter, options: BulkOptions = {}): Promise<Int32Array> {
  return inBackground(host, options, (context) => selecting(context, filter));
}

/** The same without a promise: the event loop stands still meanwhile. */
export function selectTasksSync(host: Host, filter: TaskFilter): Int32Array {
  return atOnce(host, (context) => selecting(context, filter));
}

/** What {@link selectTasks} does, as a part of another call. */
export function* selecting(context: Context, filter: TaskFilter): Work<Int32Array> {
  const { host, calls, control, hierarchy } = context;
  const { cgroup, threads = false } = filter;
  const members = filterMembers(host, filter);
  const from = cgroup === undefined ? {} : listed(hierarchy(), cgroup, threads);
  return ((yield calls.select({ ...members, ...from, control })) as Selected).tids;
}

function listed(
  hierarchy: PlacedHierarchy,
  cgroup: string,
  threads: boolean,
): Pick<SelectRequest, 'hierarchy' | 'list'> {
  return { hierarchy: hierarchy.place, list: listPath(hierarchy, relativePath(hierarchy, cgroup), threads) };
}

/**
 * Selects, has something done with those that were found, and looks again for what was born meanwhile, until nothing
 * new is found. @returns whether it came to that
 */
export function* untilNoneIsNew(select: () => Work<Int32Array>, act: (tids: Int32Array) => Work<void>): Work<boolean> {
  const known = new Set<number>();
  let tids = yield* select();
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    if (tids.length === 0) return true;
    yield* act(tids);
    for (const tid of tids) known.add(tid);
    tids = (yield* select()).filter((tid) => !known.has(tid));
  }
  return tids.length === 0;
}

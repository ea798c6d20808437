/** Moving many tasks from cgroup to cgroup of the cpusets' hierarchy. Nothing is recorded: there is no undo. */
import { UsageError } from '../errors.js';
import type { Host } from '../host.js';
import { NODE_BOUND } from '../kernel/kernel-threads.js';
import { refusalReason } from '../kernel/migration.js';
import type { MoveRequest, MoveResult } from '../native.js';
import { atOnce, type Context, inBackground, type Work } from './call.js';
import { type BulkOptions, type BulkResult, newTally, refusalOf, type Tally } from './result.js';
import { selecting, untilNoneIsNew } from './select.js';
import { relativePath, type TaskSource, tidsOf } from './source.js';

/**
 * Moves tasks to a cgroup, where they stay: those of a cgroup or a filter again and again, until none is left behind
 * that was born meanwhile. A process goes as a whole, by one write, where it is wholly in the source. Kernel threads that
 * belong to a NUMA node (kswapd, kcompactd) stay, unless they are named by their TID, and are among `refused`, as are
 * all that the kernel does not move.
 * @param to name of a cgroup of the hierarchy of the cpusets, such as `/host.slice`; `/` is its root
 * @throws UsageError for what can never work; SystemError where the source or the destination cannot be opened
 * (`ENOENT`, `EACCES`); VfioIsolateError `ABORT_ERR`
 */
export function moveTasks(host: Host, source: TaskSource, to: string, options: BulkOptions = {}): Promise<BulkResult> {
  return inBackground(host, options, (context) => moving(context, source, to));
}

/** The same without a promise: the event loop stands still meanwhile. */
export function moveTasksSync(host: Host, source: TaskSource, to: string): BulkResult {
  return atOnce(host, (context) => moving(context, source, to));
}

function* moving(context: Context, source: TaskSource, to: string): Work<BulkResult> {
  const tally = newTally();
  if ('cgroup' in source) {
    yield* movingThese(
      context,
      { from: relativePath(context.hierarchy(), source.cgroup), leave: NODE_BOUND },
      to,
      tally,
    );
  } else if ('tids' in source) {
    yield* movingThese(context, rowsOf(tidsOf(source.tids), source.threads), to, tally);
  } else {
    const { filter } = source;
    const leave = filter.kernelThread === false ? [] : NODE_BOUND;
    const settled = yield* untilNoneIsNew(
      () => selecting(context, filter),
      (tids) => movingThese(context, { ...rowsOf(tids, filter.threads), leave }, to, tally),
    );
    tally.unsettled = !settled;
  }
  return tally;
}

type Which = Pick<MoveRequest, 'from' | 'tasks' | 'threads' | 'leave'>;

function rowsOf(tid: Int32Array, threads = false): Which {
  return { tasks: { tid, start: new Float64Array(tid.length).fill(Number.NaN) }, threads };
}

function* movingThese(context: Context, which: Which, to: string, tally: Tally): Work<void> {
  const { host, calls, control } = context;
  const hierarchy = context.hierarchy();
  const { place, version } = hierarchy;
  const target = relativePath(hierarchy, to);
  if (which.from === target) throw new UsageError(`the source and the destination are the same: /${target}`);
  const request = { ...which, hierarchy: place, version, to: target, proc: host.proc, control };
  const result = (yield calls.move(request)) as MoveResult;
  tally.done += result.moved;
  tally.gone += result.gone;
  tally.unsettled = result.unsettled;
  for (const refusal of [...result.refused, ...result.left]) {
    tally.refused.push(refusalOf(refusal, refusalReason(refusal)));
  }
}

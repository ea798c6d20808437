/** Setting the CPUs of many tasks. Nothing is recorded: there is no undo. */
import { UsageError } from '../errors.js';
import type { Host } from '../host.js';
import { affinityRefusalReason } from '../kernel/affinity-refusal.js';
import { taskViewer } from '../kernel/task-cpus.js';
import type { AffinityResult, Selected } from '../native.js';
import { Bitmap } from '../sets/bitmap.js';
import { atOnce, type Context, inBackground, type Work } from './call.js';
import { type BulkOptions, type BulkResult, newTally, refusalOf, type Tally } from './result.js';
import { selecting, untilNoneIsNew } from './select.js';
import { type TaskSource, tidsOf } from './source.js';

/**
 * Has tasks run on these CPUs alone, as far as their cpusets allow (sched_setaffinity(2)): every thread of a process,
 * and of a cgroup or a filter again and again, until none is left that was born meanwhile with other CPUs.
 * @param cpus numbers of CPUs; offline ones count once they are online
 * @throws UsageError for what can never work; SystemError where a cgroup cannot be read (`ENOENT`); VfioIsolateError
 * `ABORT_ERR`
 */
export function setAffinities(
  host: Host,
  source: TaskSource,
  cpus: Iterable<number>,
  options: BulkOptions = {},
): Promise<BulkResult> {
  return inBackground(host, options, (context) => setting(context, source, cpus));
}

/** The same without a promise: the event loop stands still meanwhile. */
export function setAffinitiesSync(host: Host, source: TaskSource, cpus: Iterable<number>): BulkResult {
  return atOnce(host, (context) => setting(context, source, cpus));
}

function* setting(context: Context, source: TaskSource, cpus: Iterable<number>): Work<BulkResult> {
  const wanted = Bitmap.of(cpus);
  if (wanted.isEmpty) throw new UsageError('the set of CPUs is empty');
  const [tally, mask] = [newTally(), wanted.toBytes()];
  const act = (tids: Int32Array) => settingThese(context, tids, mask, tally);
  if ('tids' in source && source.threads) {
    yield* act(tidsOf(source.tids));
  } else {
    tally.unsettled = !(yield* untilNoneIsNew(() => threadsOf(context, source), act));
  }
  return tally;
}

function* threadsOf(context: Context, source: TaskSource): Work<Int32Array> {
  if ('cgroup' in source) return yield* selecting(context, { cgroup: source.cgroup, threads: true });
  if ('tids' in source) return yield* expanded(context, tidsOf(source.tids));
  const { filter } = source;
  const selected = yield* selecting(context, filter);
  return filter.threads ? selected : yield* expanded(context, selected);
}

/** Every thread of these processes. */
function* expanded({ host, calls, control }: Context, tids: Int32Array): Work<Int32Array> {
  return ((yield calls.select({ tids, threads: true, proc: host.proc, control })) as Selected).tids;
}

function* settingThese(
  { host, calls, control }: Context,
  tids: Int32Array,
  mask: Uint8Array,
  tally: Tally,
): Work<void> {
  const result = (yield calls.setAffinities(tids, mask, mask.length, host.proc, control)) as AffinityResult;
  tally.done += result.done;
  tally.gone += result.gone;
  if (result.refused.length === 0) return;
  const look = taskViewer(host);
  for (const refusal of result.refused) tally.refused.push(refusalOf(refusal, affinityRefusalReason(refusal, look)));
}

/**
 * Threads that start the next one and exit, faster than they can be looked at and named. Each inherits the CPUs of the one
 * before: so it is enough to catch one, which takes setting it as soon as it is listed.
 */
import { VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { maskNow, setMaskNow } from '../../kernel/affinity.js';
import { newPace } from '../../kernel/pace.js';
import { type Cpus, taskViewer } from '../../kernel/task-cpus.js';
import { taskStatus, threadsOf } from '../../kernel/tasks.js';
import { readTopology } from '../../kernel/topology.js';
import type { Control } from '../../native.js';
import { breathe } from '../../pause.js';
import type { Bitmap } from '../../sets/bitmap.js';
import { parseList } from '../../sets/list.js';
import type { Vanishing } from './shape.js';

/** For all of them together. */
const PATIENCE_MS = 5000;

interface Chased {
  readonly pid: number;
  readonly start: number;
  readonly from: Bitmap;
  readonly to: Bitmap;
  readonly all: Bitmap;
  /** Threads that others look after. */
  readonly old: ReadonlySet<number>;
}

/**
 * Gives threads of these processes that have CPUs `from` CPUs `to`, until in one look at each process nothing that it
 * listed was gone, and none had `from`.
 * @param strict whether all of them must have `to` then
 * @returns how many were set
 * @throws VfioIsolateError `ERR_STATE` where that does not come to hold; `ABORT_ERR`
 */
export async function chase(
  host: Host,
  vanishing: readonly Vanishing[],
  control: Control,
  strict: boolean,
): Promise<number> {
  if (!host.live) return 0;
  let pending: Chased[] = [];
  for (const one of vanishing) pending.push(...(await chasedOf(host, one)));
  let set = 0;
  for (const end = performance.now() + PATIENCE_MS; ; await breathe()) {
    pending = pending.filter((one) => {
      const seen = look(host, one, strict);
      set += seen.set;
      return !seen.settled;
    });
    const [first] = pending;
    if (first === undefined) return set;
    if (Atomics.load(control, 0) === 1) throw new VfioIsolateError('ABORT_ERR', 'stopped while setting CPUs of tasks');
    if (performance.now() > end) throw unsettled(host, pending.length, first);
  }
}

/** One whose PID another process has by now has settled. */
function look(host: Host, one: Chased, strict: boolean): { settled: boolean; set: number } {
  const { pid, start, from, to, all, old } = one;
  let [settled, set] = [true, 0];
  if (taskStatus(host, pid)?.start !== start) return { settled, set };
  for (const tid of threadsOf(host, pid)) {
    if (old.has(tid)) continue;
    const mask = maskNow(tid);
    if (mask?.equals(to)) continue;
    if (mask?.equals(from)) {
      if (setMaskNow(tid, all)) set++;
      settled = false;
    } else if (mask === undefined || strict) {
      settled = false;
    }
  }
  return { settled, set };
}

/** None for a process that has exited: its threads have as well. */
async function chasedOf(host: Host, { process: [pid, start], since, from, to }: Vanishing): Promise<Chased[]> {
  const task = taskViewer(host)(pid);
  if (task === undefined || task.start !== start) return [];
  const { possible, online } = readTopology(host);
  const whole = (cpus: Cpus) => (cpus === null ? possible : parseList(cpus));
  // What sched_getaffinity(2) tells.
  const seen = (cpus: Cpus) => whole(cpus).intersect(task.allowed).intersect(online);
  const old = new Set([pid]);
  const pace = newPace();
  for (const tid of threadsOf(host, pid)) {
    await pace();
    const status = taskStatus(host, tid);
    if (status !== undefined && status.start < since) old.add(tid);
  }
  return [{ pid, start, from: seen(from), to: seen(to), all: whole(to), old }];
}

function unsettled(host: Host, number: number, { pid }: Chased): VfioIsolateError {
  const others = number === 1 ? '' : ` (and of ${number - 1} more)`;
  const what = `process ${pid} (${taskStatus(host, pid)?.comm})${others}`;
  return new VfioIsolateError('ERR_STATE', `threads of ${what} exit before their CPUs can be set`, {
    remedy: `stop it meanwhile (kill -STOP ${pid})`,
  });
}

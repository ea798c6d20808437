/**
 * A bulk call, written once for both its forms: off the event loop, with a promise, and at once. The work is a generator
 * that yields what the addon returns and is given the outcome of it.
 */
import { VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { type PlacedHierarchy, placedHierarchy } from '../kernel/door.js';
import { type Addon, type Control, native, newControl } from '../native.js';
import type { BulkOptions } from './result.js';

/** Those of the addon's functions that have both forms. */
export interface Calls {
  readonly select: (request: Parameters<Addon['selectTasks']>[0]) => unknown;
  readonly move: (request: Parameters<Addon['moveTasks']>[0]) => unknown;
  readonly setAffinities: (...request: Parameters<Addon['setAffinities']>) => unknown;
}

export interface Context {
  readonly host: Host;
  readonly calls: Calls;
  readonly control: Control;
  /** The hierarchy of the cpusets, looked for where it is first asked for. */
  readonly hierarchy: () => PlacedHierarchy;
}

export type Work<T> = Generator<unknown, T, unknown>;

/** How often a source is looked at again for tasks that were born meanwhile. */
export const MAX_PASSES = 100;

/** How often a progress callback is called, in milliseconds. */
const PROGRESS_MS = 100;

/** @throws VfioIsolateError `ABORT_ERR`, its cause the signal's reason */
export async function inBackground<T>(
  host: Host,
  { signal, onProgress }: BulkOptions,
  work: (context: Context) => Work<T>,
): Promise<T> {
  const control = newControl();
  const done = () => control[1] ?? 0;
  const stop = () => {
    control[0] = 1;
  };
  if (signal?.aborted) throw aborted(signal, 0);
  const { selectTasks: select, moveTasks: move, setAffinities } = native();
  const context = contextOf(host, control, { select, move, setAffinities });
  signal?.addEventListener('abort', stop, { once: true });
  const timer = onProgress === undefined ? undefined : setInterval(() => onProgress(done()), PROGRESS_MS);
  try {
    const running = work(context);
    let step = running.next();
    while (!step.done) {
      const outcome = await step.value;
      if (signal?.aborted) throw aborted(signal, done());
      step = running.next(outcome);
    }
    onProgress?.(done());
    return step.value;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', stop);
  }
}

export function atOnce<T>(host: Host, work: (context: Context) => Work<T>): T {
  const { selectTasksSync: select, moveTasksSync: move, setAffinitiesSync: setAffinities } = native();
  const running = work(contextOf(host, newControl(), { select, move, setAffinities }));
  let step = running.next();
  while (!step.done) step = running.next(step.value);
  return step.value;
}

/** @throws VfioIsolateError for a tree that stands in for a host: its tasks are none of this one's */
function contextOf(host: Host, control: Control, calls: Calls): Context {
  if (!host.live) throw new VfioIsolateError('ERR_STATE', `the tasks of ${host.proc} are none of the running host's`);
  let found: PlacedHierarchy | undefined;
  const hierarchy = () => {
    found ??= placedHierarchy(host);
    return found;
  };
  return { host, calls, control, hierarchy };
}

function aborted(signal: AbortSignal, done: number): VfioIsolateError {
  return new VfioIsolateError('ABORT_ERR', `stopped after ${done} tasks`, { cause: signal.reason });
}

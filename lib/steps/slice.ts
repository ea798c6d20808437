/**
 * A step that makes or removes a transient slice of systemd, the owner of the cgroup v2 tree. What it makes survives a
 * daemon-reload and leaves no file behind.
 */
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { VfioIsolateError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';
import { childrenOf, cpusetExists } from '../kernel/cpuset.js';
import { findCpusets } from '../kernel/mounts.js';
import { startSlice, stopUnit } from '../kernel/systemd.js';
import { countTasks } from '../kernel/tasks.js';
import { parseList } from '../sets/list.js';
import { keepingMasks, masksDetail } from './masks.js';
import { type ApplyContext, detailsOf, type Outcome, type Step, type StepKind, type Undo } from './step.js';

/** Cpulist and nodelist; empty where nothing was asked, so that what holds above it holds. */
export interface Confinement {
  readonly cpus: string;
  readonly mems: string;
}

/** Its target is the name of the unit. */
export type SliceStep = Step<'slice', Confinement | null>;

const confinement = v.nullable(v.object({ cpus: v.string(), mems: v.string() }));
const shape = v.object({
  kind: v.literal('slice'),
  target: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_]{1,200}\.slice$/)),
  from: confinement,
  to: confinement,
});
/** The masks that the start of the slice may overwrite, or the word that somebody was faster to make the unit. */
const detailShape = v.union([masksDetail, v.object({ made: v.null() })]);

/** systemd makes and removes the cgroup after it has answered. */
const PAUSE_MS = 20;
const PATIENCE_MS = 10_000;

export const sliceKind: StepKind<SliceStep> = {
  kind: 'slice',
  merges: 'target',
  validate: (step) => v.parse(shape, step),
  validateDetail: (detail) => void v.parse(detailShape, detail),

  async apply({ target, to }, context) {
    return keepingMasks(context, () => (to === null ? stop(context.host, target) : start(context, target, to)));
  },

  undo(entry, host): Undo {
    const { target, from, to } = entry.step;
    const there = cpusetExists(host, directoryOf(host, target));
    if (from !== null) return { steps: there ? [] : [{ kind: 'slice', target, from: null, to: from }] };
    if (!there || detailsOf(entry).some((detail) => 'made' in detail)) return { steps: [] };
    requireEmpty(host, target);
    return { steps: [{ kind: 'slice', target, from: to, to: null }] };
  },

  describe({ target, to }) {
    if (to === null) return `${target}: stopped`;
    return `${target}: none -> AllowedCPUs=${to.cpus || '(all)'} AllowedMemoryNodes=${to.mems || '(all)'}`;
  },

  preview({ target, to }, overlay) {
    const directory = directoryOf(overlay, target);
    if (to === null) overlay.removeDirectory(directory);
    else overlay.makeDirectory(directory, { 'cpuset.cpus': to.cpus, 'cpuset.mems': to.mems, 'cgroup.procs': '' });
  },
};

/** Stopping a slice stops every unit in it (systemd.slice(5)): what somebody else runs there must not end with it. */
function requireEmpty(host: Host, unit: string): void {
  const directory = directoryOf(host, unit);
  const [child] = childrenOf(host, directory);
  if (child === undefined && countTasks(host, directory) === 0) return;
  throw new VfioIsolateError(
    'ERR_STATE',
    `${unit} still holds ${child ?? 'tasks of its own'}, which would end with it`,
    {
      remedy: 'end that, or move it to another slice, and restore again',
    },
  );
}

function directoryOf(host: Host, unit: string): string {
  return `${findCpusets(host).mountPoint}/${unit}`;
}

async function start({ host, ledger }: ApplyContext, unit: string, { cpus, mems }: Confinement): Promise<Outcome> {
  try {
    await startSlice(unit, setOrNone(cpus), setOrNone(mems));
  } catch (error) {
    // What somebody else was faster to make must outlive the rollback.
    if (error instanceof VfioIsolateError && /already exists/.test(error.message)) await ledger?.append({ made: null });
    throw error;
  }
  const file = `${directoryOf(host, unit)}/cpuset.cpus`;
  const held = () => (cpus === '' ? cpusetExists(host, directoryOf(host, unit)) : readIfThere(host, file) === cpus);
  await until(
    held,
    () => `${unit} was started with AllowedCPUs=${cpus}, but the kernel has ${readIfThere(host, file)}`,
  );
  return { changed: 1 };
}

async function stop(host: Host, unit: string): Promise<Outcome> {
  await stopUnit(unit);
  await until(
    () => !cpusetExists(host, directoryOf(host, unit)),
    () => `${unit} was stopped, but its cgroup remains`,
  );
  return { changed: 1 };
}

const setOrNone = (list: string) => (list === '' ? undefined : parseList(list));

async function until(holds: () => boolean, message: () => string): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !holds(); await delay(PAUSE_MS)) {
    if (performance.now() > end) throw new VfioIsolateError('ERR_NOT_HELD', message());
  }
}

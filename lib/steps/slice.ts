/**
 * A step that makes or removes a transient slice of systemd, the owner of the cgroup v2 tree. What it makes survives a
 * daemon-reload and leaves no file behind.
 */
import * as v from 'valibot';
import { isSystemError, VfioIsolateError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';
import { childrenOf, cpusetExists } from '../kernel/cpuset.js';
import { requireEffective } from '../kernel/cpuset-v2.js';
import { removeDirectory } from '../kernel/door.js';
import type { List } from '../kernel/effective.js';
import { sameList } from '../kernel/kernel-file.js';
import { findCpusets } from '../kernel/mounts.js';
import { settled } from '../kernel/systemd/bus.js';
import {
  askUnit,
  PROPERTIES,
  PROPERTY_NAMES,
  type Property,
  plannedText,
  readProperty,
  transientFile,
  type UnitState,
} from '../kernel/systemd/properties.js';
import { DESCRIPTION, startSlice, stopUnit } from '../kernel/systemd/slices.js';
import { slicePath } from '../kernel/systemd/units.js';
import { countTasks } from '../kernel/tasks.js';
import { parseList } from '../sets/list.js';
import { keepingMasks, masksDetail } from './masks.js';
import { until } from './patience.js';
import { previewList } from './preview-list.js';
import type { PropertyStep } from './property.js';
import type { ApplyContext, Entry, Outcome, Step, StepKind, Undo } from './step.js';

/** Cpulist and nodelist; empty where nothing was asked, so that what holds above it holds. */
export interface Confinement {
  readonly cpus: string;
  readonly mems: string;
}

/** Its target is the name of the unit. */
export type SliceStep = Step<'slice', Confinement | null>;

/** Letters, digits and _; a dash stands for a slice above it (systemd.slice(5)). */
export const SLICE = /^[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*\.slice$/;

const confinement = v.nullable(v.object({ cpus: v.string(), mems: v.string() }));
const shape = v.object({
  kind: v.literal('slice'),
  target: v.pipe(v.string(), v.regex(SLICE)),
  from: confinement,
  to: confinement,
});
/** The masks that the start of the slice may overwrite, or the word that somebody was faster to make the unit. */
const detailShape = v.union([masksDetail, v.object({ made: v.null() })]);

export const sliceKind: StepKind<SliceStep> = {
  kind: 'slice',
  merges: 'target',

  validate(step) {
    const checked = v.parse(shape, step);
    for (const value of [checked.from, checked.to]) {
      for (const list of Object.values(value ?? {})) parseList(list, 'the record');
    }
    return checked;
  },

  validateDetail: (detail) => v.parse(detailShape, detail),

  async apply({ target, to }, context) {
    // For it systemd may hand the cpuset controller on from the root down, or end that.
    const reach = { below: findCpusets(context.host).mountPoint, births: false };
    return keepingMasks(context, reach, () => (to === null ? stop(context.host, target) : start(context, target, to)));
  },

  async undo(entry, host, { force }): Promise<Undo> {
    const { target, from, to } = entry.step;
    const there = cpusetExists(host, directoryOf(host, target));
    if (from !== null) return there ? again(entry, host, from, force) : { steps: [startOf(target, from)] };
    if (!there && host.live) await settled(host);
    if (!there || isMadeByOthers(entry)) return { steps: [] };
    if (!force && (await isAnothers(host, target))) {
      return { steps: [], changed: [`${target} was stopped and started anew by somebody else`] };
    }
    requireEmpty(host, target);
    return { steps: [{ kind: 'slice', target, from: to, to: null }] };
  },

  bringsBack: ({ step: { target, from } }, host) => (from === null ? undefined : directoryOf(host, target)),

  // What somebody else has made stays, so what was changed of it has to go back by itself.
  encloses: (entry) => (entry.step.from === null && !isMadeByOthers(entry) ? entry.step.target : undefined),

  describe({ target, to }) {
    if (to === null) return `${target}: stopped`;
    return `${target}: none -> ${shown(to)}`;
  },

  preview({ target, to }, overlay) {
    const directory = directoryOf(overlay, target);
    const unit = transientFile(overlay, target);
    if (to === null) {
      overlay.removeDirectory(directory);
      overlay.write(unit, '');
      return;
    }
    overlay.makeDirectory(directory, { 'cgroup.procs': '', 'cgroup.subtree_control': '' });
    overlay.write(unit, plannedText({ AllowedCPUs: to.cpus, AllowedMemoryNodes: to.mems }));
    previewList(overlay, directory, 'cpus', to.cpus);
    previewList(overlay, directory, 'mems', to.mems);
  },
};

/** As told by the last step that was to make it. */
function isMadeByOthers({ parts }: Entry<SliceStep>): boolean {
  const last = parts.findLast(({ step }) => step.to !== null);
  return last?.details.some((detail) => 'made' in detail) ?? false;
}

const startOf = (target: string, to: Confinement): SliceStep => ({ kind: 'slice', target, from: null, to });

/** Of one that we have deleted, and that is there: made again by this record, by a restore of it, or by somebody else. */
async function again({ step: { target }, parts }: Entry<SliceStep>, host: Host, first: Confinement, force: boolean) {
  const state = await askUnit(host, target);
  if (state === undefined) return { steps: [] };
  // Somebody has stopped it since, while tasks were in it.
  if (!state.active) return { steps: [startOf(target, first)] };
  const listOf = (property: Property) => readProperty(host, target, property, state).list;
  const present = { cpus: listOf('AllowedCPUs'), mems: listOf('AllowedMemoryNodes') };
  const isPresent = (value: Confinement | null) =>
    value !== null && sameList(value.cpus, present.cpus, target) && sameList(value.mems, present.mems, target);
  if (!force && !parts.some(({ step }) => isPresent(step.from) || isPresent(step.to))) {
    return { steps: [], changed: [`${target} was made again by somebody else, with ${shown(present)}`] };
  }
  return { steps: PROPERTY_NAMES.flatMap((property) => propertyBack(host, target, property, state, first)) };
}

function propertyBack(host: Host, unit: string, property: Property, state: UnitState, first: Confinement) {
  const from = readProperty(host, unit, property, state);
  const list = first[PROPERTIES[property]];
  if (sameList(from.list, list, unit)) return [];
  const target = `${directoryOf(host, unit)} ${property}`;
  return [{ kind: 'property', target, from, to: { list, dropIn: true } } satisfies PropertyStep];
}

/** Whether a slice of this name runs that is not ours. Of one that does not run, systemd has only the default description. */
async function isAnothers(host: Host, unit: string): Promise<boolean> {
  const state = await askUnit(host, unit);
  return state?.active === true && state.description !== DESCRIPTION;
}

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
  return findCpusets(host).mountPoint + slicePath(unit);
}

async function start({ host, ledger }: ApplyContext, unit: string, { cpus, mems }: Confinement): Promise<Outcome> {
  try {
    await startSlice(host, unit, setOrNone(cpus), setOrNone(mems));
  } catch (error) {
    // What somebody else was faster to make must outlive the rollback.
    if (error instanceof VfioIsolateError && /already (exists|loaded)/.test(error.message))
      await ledger?.append({ made: null });
    throw error;
  }
  const directory = directoryOf(host, unit);
  const holds = (list: List, asked: string) =>
    asked === '' || readIfThere(host, `${directory}/cpuset.${list}`) === asked;
  await until(
    host,
    () => cpusetExists(host, directory) && holds('cpus', cpus) && holds('mems', mems),
    () => `${unit} was started with CPUs ${cpus || '(all)'} and nodes ${mems || '(all)'}, but the kernel has others`,
  );
  for (const list of ['cpus', 'mems'] as const) requireEffective(host, findCpusets(host), directory, list);
  return { changed: 1 };
}

async function stop(host: Host, unit: string): Promise<Outcome> {
  const directory = directoryOf(host, unit);
  // Somebody may have stopped it before, while tasks were in it: then systemd has left its cgroup, and forgets the unit.
  const isActive = async () => (await askUnit(host, unit))?.active === true;
  if (await isActive()) await stopUnit(host, unit);
  const left = cpusetExists(host, directory) && !(await isActive());
  if (left && childrenOf(host, directory).length === 0) removeLeft(host, directory);
  await until(
    host,
    () => !cpusetExists(host, directory),
    () => `${unit} was stopped, but its cgroup remains`,
  );
  // With the last unit that needs the cpuset controller it goes itself, which before 6.2 overwrites masks once more.
  await settled(host);
  return { changed: 1 };
}

function removeLeft(host: Host, directory: string): void {
  try {
    removeDirectory(host, directory);
  } catch (error) {
    // systemd was faster: of a unit that is just stopping it removes the cgroup itself
    if (!isSystemError(error, 'ENOENT')) throw error;
  }
}

const shown = ({ cpus, mems }: Confinement): string =>
  `AllowedCPUs=${cpus || '(all)'} AllowedMemoryNodes=${mems || '(all)'}`;

const setOrNone = (list: string) => (list === '' ? undefined : parseList(list));

/** A step that makes or removes a cgroup. Its value is the settings of the cgroup, or null where there is none. */
import * as v from 'valibot';
import { isSystemError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import {
  childrenOf,
  cpusetExists,
  freshSettings,
  identityOf,
  parentOf,
  readSettings,
  type Settings,
} from '../kernel/cpuset.js';
import { handsOn } from '../kernel/cpuset-v2.js';
import { locate, makeDirectory, removeDirectory } from '../kernel/door.js';
import { kernelFile, requireTexts } from '../kernel/files.js';
import { findCpusets } from '../kernel/mounts.js';
import { countTasks } from '../kernel/tasks.js';
import type { Control } from '../native.js';
import { delay } from '../pause.js';
import { applyFile } from './file/apply.js';
import { fileStep } from './file/file.js';
import { previewList } from './preview-list.js';
import type { Entry, Step, StepKind, Undo } from './step.js';
import { moveStep } from './tasks.js';

export type CgroupStep = Step<'cgroup', Settings | null>;

const settings = v.nullable(v.record(v.pipe(v.string(), v.regex(/^[a-z_.]+$/)), v.string()));
const shape = v.object({ kind: v.literal('cgroup'), target: v.string(), from: settings, to: settings });
/** What was made, or null: somebody else was faster to make it, after the step was planned. */
const detailShape = v.object({ made: v.nullable(v.pipe(v.string(), v.regex(/^\d{1,20}$/))) });

/** A task that is just exiting keeps its cgroup busy for a moment: its css_set is released late. */
const REMOVE_TRIES = 20;
const REMOVE_PAUSE_MS = 25;

export const cgroupKind: StepKind<CgroupStep> = {
  kind: 'cgroup',
  merges: 'target',

  validate(step, host) {
    const checked = v.parse(shape, step);
    const place = locate(host, checked.target);
    if (place.root !== 'cgroup' || place.relative === '') {
      throw new VfioIsolateError('ERR_STATE', `${checked.target} is no cgroup that could be made or removed`);
    }
    for (const value of [checked.from, checked.to]) {
      for (const [file, text] of Object.entries(value ?? {})) requireTexts(host, `${checked.target}/${file}`, [text]);
    }
    return checked;
  },

  validateDetail: (detail) => v.parse(detailShape, detail),

  async apply({ target, to }, { host, control, ledger }) {
    if (to === null) await remove(host, target, control);
    else await make(host, target, to, async (made) => ledger?.append({ made }));
    return { changed: 1 };
  },

  undo(entry, host, { force, settle, leaving }): Undo {
    const { target, from } = entry.step;
    const there = cpusetExists(host, target);
    if (from === null) {
      const made = lastMade(entry);
      if (!there || made === null) return { steps: [] };
      if (force || isAsMade(entry)) return unmake(host, target, settle, leaving);
      return { steps: [], changed: [`${target} was removed and made again by somebody else`] };
    }
    const settings = attainable(host, target, from);
    if (!there) return { steps: [{ kind: 'cgroup', target, from: null, to: settings }] };
    if (isOurs(entry, host, target, settings) || force) return { steps: settingsBack(host, target, settings) };
    return { steps: [], changed: [`${target} was made again by somebody else, with other settings`] };
  },

  bringsBack: ({ step: { target, from } }) => (from === null ? undefined : target),

  takesAway: (entry, host, force) => {
    const { target, from } = entry.step;
    return from === null && cpusetExists(host, target) && (force || isAsMade(entry)) ? target : undefined;
  },

  // What somebody else has made stays, so what was changed of it has to go back by itself.
  encloses: (entry) => (entry.step.from === null && lastMade(entry) !== null ? entry.step.target : undefined),

  describe({ target, from, to }) {
    return to === null ? `${target}: ${shown(from, /cpus$|mems$/)} -> none` : `${target}: none -> ${shown(to)}`;
  },

  preview({ target, to }, overlay) {
    if (to === null) return overlay.removeDirectory(target);
    const hierarchy = findCpusets(overlay);
    const fresh = freshSettings(overlay, hierarchy, parentOf(target));
    if (hierarchy.version === 1) {
      overlay.makeDirectory(target, { ...fresh, ...to, tasks: '', 'cgroup.procs': '' });
      return;
    }
    overlay.makeDirectory(target, { 'cgroup.procs': '', 'cgroup.subtree_control': '' });
    if (!handsOn(overlay, parentOf(target))) return;
    for (const list of ['cpus', 'mems'] as const) previewList(overlay, target, list, to[`cpuset.${list}`] ?? '');
  },
};

function shown(settings: Settings | null, which = /./): string {
  const texts = Object.entries(settings ?? {}).filter(([file]) => which.test(file));
  return texts.length === 0 ? 'cgroup' : `cpuset with ${texts.map(([file, text]) => `${file} ${text}`).join(', ')}`;
}

/** As told by the last step that made it; undefined where that was killed before it could tell. */
function lastMade({ parts }: Entry<CgroupStep>): string | null | undefined {
  const detail = parts.findLast(({ step }) => step.to !== null)?.details.at(-1);
  return detail === undefined ? undefined : v.parse(detailShape, detail).made;
}

/** Whether what is there is what we made, and nobody has made it anew. */
function isAsMade(entry: Entry<CgroupStep>): boolean {
  const made = lastMade(entry);
  return made === undefined || made === identityOf(entry.step.target);
}

/** Tasks in it may still go home, each to its own: only what is left at last goes to the refuge. */
function unmake(host: Host, target: string, settle: boolean, leaving: ReadonlySet<string>): Undo {
  const children = childrenOf(host, target);
  const child = children.find((path) => !leaving.has(path)) ?? children[0];
  if (child !== undefined) {
    const because = `${target} has cgroups below it: ${child}`;
    if (leaving.has(child)) return { steps: [], waiting: { for: 'cgroup', because } };
    throw new VfioIsolateError('ERR_STATE', because);
  }
  const tasks = countTasks(host, target);
  if (tasks > 0 && !settle)
    return { steps: [], waiting: { for: 'tasks', because: `${target} still holds ${tasks} tasks` } };
  return { steps: removal(host, target) };
}

/** Below a cgroup of version 2 that hands the controller on no more, as after an undo that ended that first, there are no lists. */
function attainable(host: Host, target: string, settings: Settings): Settings {
  return findCpusets(host).version === 1 || handsOn(host, parentOf(target)) ? settings : {};
}

/**
 * Whether we made it again: by a later step of this record, or by a restore that was stopped between making and setting
 * it, so that every setting is one that it had or a new cgroup's own.
 */
function isOurs({ step, parts }: Entry<CgroupStep>, host: Host, target: string, from: Settings): boolean {
  if (step.to !== null) return true;
  const fresh = freshSettings(host, findCpusets(host), parentOf(target));
  const values = [fresh, ...parts.flatMap((part) => [part.step.from ?? {}, part.step.to ?? {}])];
  return Object.keys(from).every((file) => {
    const path = `${target}/${file}`;
    const present = host.read(path);
    const { same } = kernelFile(host, path);
    return values.some((value) => value[file] !== undefined && same(present, value[file], path));
  });
}

function settingsBack(host: Host, target: string, settings: Settings): Step[] {
  return Object.entries(settings).flatMap(([file, text]) => fileStep(host, `${target}/${file}`, text));
}

async function make(
  host: Host,
  target: string,
  settings: Settings,
  tell: (made: string | null) => Promise<void>,
): Promise<void> {
  try {
    makeDirectory(host, target);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    // Somebody was faster since the plan was made; what is there must outlive the rollback.
    if (error.code === 'EEXIST') await tell(null);
    const missing = { reason: `there is no cpuset above it at ${parentOf(target)}`, remedy: 'create that first' };
    throw error.code === 'ENOENT' ? error.explained(missing) : error;
  }
  await tell(identityOf(target));
  for (const [file, text] of Object.entries(settings)) {
    for (const step of fileStep(host, `${target}/${file}`, text)) applyFile(step, host);
  }
}

/**
 * The steps that take a cgroup away, tasks that are left in it first: on v1 to the cgroup above; on v2 to the root, as
 * any other cgroup above may have controllers enabled and then takes none (EBUSY).
 */
export function removal(host: Host, target: string): Step[] {
  const hierarchy = findCpusets(host);
  const refuge = hierarchy.version === 1 ? parentOf(target) : hierarchy.mountPoint;
  const left = countTasks(host, target) === 0 ? [] : [moveStep(target, refuge)];
  return [...left, { kind: 'cgroup', target, from: readSettings(host, hierarchy, target), to: null }];
}

async function remove(host: Host, target: string, control: Control): Promise<void> {
  for (let tries = 1; ; tries++) {
    if (Atomics.load(control, 0) === 1) throw new VfioIsolateError('ABORT_ERR', `stopped while removing ${target}`);
    try {
      return removeDirectory(host, target);
    } catch (error) {
      if (!isSystemError(error, 'EBUSY')) throw error;
      const children = childrenOf(host, target);
      if (children.length > 0) {
        throw error.explained({
          reason: `it has cgroups below it: ${children.join(', ')}`,
          remedy: 'remove those first',
        });
      }
      if (tries === REMOVE_TRIES) {
        throw error.explained({ reason: `it still holds ${countTasks(host, target)} tasks` });
      }
      await delay(REMOVE_PAUSE_MS);
    }
  }
}

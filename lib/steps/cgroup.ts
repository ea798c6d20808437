/** A step that makes or removes a cgroup. Its value is the settings of the cgroup, or null where there is none. */
import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { isSystemError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { childrenOf, cpusetExists, parentOf, readSettings, type Settings } from '../kernel/cpuset.js';
import { locate, makeDirectory, removeDirectory } from '../kernel/door.js';
import { kernelFile } from '../kernel/files.js';
import { findCpusets } from '../kernel/mounts.js';
import { countTasks } from '../kernel/tasks.js';
import { applyFile, fileStep } from './file.js';
import type { Detail, Step, StepKind, Undo } from './step.js';
import { moveStep } from './tasks.js';

export type CgroupStep = Step<'cgroup', Settings | null>;

const settings = v.nullable(v.record(v.pipe(v.string(), v.regex(/^[a-z_.]+$/)), v.string()));
const shape = v.object({ kind: v.literal('cgroup'), target: v.string(), from: settings, to: settings });
/** What a step made, by its inode: a directory of the same name may be somebody else's. */
const detailShape = v.object({ made: v.nullable(v.string()) });

/** A task that is just exiting keeps its cgroup busy for a moment: its css_set is released late. */
const REMOVE_TRIES = 20;
const REMOVE_PAUSE_MS = 25;

export const cgroupKind: StepKind<CgroupStep> = {
  kind: 'cgroup',
  merges: true,

  validate(step, host) {
    const checked = v.parse(shape, step);
    const place = locate(host, checked.target);
    if (place.root !== 'cgroup' || place.relative === '') {
      throw new VfioIsolateError('ERR_STATE', `${checked.target} is no cgroup that could be made or removed`);
    }
    for (const file of Object.keys({ ...checked.from, ...checked.to })) kernelFile(host, `${checked.target}/${file}`);
    return checked;
  },

  validateDetail: (detail) => void v.parse(detailShape, detail),

  async apply({ target, to }, { host, ledger }) {
    if (to === null) await remove(host, target);
    else await make(host, target, to, (made) => ledger?.append({ made }));
    return { changed: 1 };
  },

  undo({ step: { target, from }, details }, host, force): Undo {
    const there = cpusetExists(host, target);
    if (from === null) {
      if (!there) return { steps: [] };
      if (isOurs(details, target) || force) return { steps: removal(host, target) };
      return { steps: [], changed: [`${target} was made by somebody else`] };
    }
    if (!there) return { steps: [{ kind: 'cgroup', target, from: null, to: from }] };
    return { steps: Object.entries(from).flatMap(([file, text]) => fileStep(host, `${target}/${file}`, text)) };
  },

  encloses: ({ step: { target, from } }) => (from === null ? target : undefined),

  describe({ target, from, to }) {
    return to === null ? `${target}: ${shown(from, /cpus$|mems$/)} -> none` : `${target}: none -> ${shown(to)}`;
  },

  preview({ target, to }, overlay) {
    if (to === null) overlay.removeDirectory(target);
    else overlay.makeDirectory(target, { ...to, tasks: '', 'cgroup.procs': '' });
  },
};

function shown(settings: Settings | null, which = /./): string {
  const texts = Object.entries(settings ?? {}).filter(([file]) => which.test(file));
  return texts.length === 0 ? 'cgroup' : `cpuset with ${texts.map(([file, text]) => `${file} ${text}`).join(', ')}`;
}

/** Without a detail it was killed before it could tell, and what is there is taken for ours. */
function isOurs(details: readonly Detail[], target: string): boolean {
  const last = details.at(-1);
  return last === undefined || v.parse(detailShape, last).made === inodeOf(target);
}

const inodeOf = (directory: string) => statSync(directory, { bigint: true }).ino.toString();

async function make(
  host: Host,
  target: string,
  settings: Settings,
  tell: (made: string | null) => Promise<void> | undefined,
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
  await tell(inodeOf(target));
  for (const [file, text] of Object.entries(settings)) {
    const path = `${target}/${file}`;
    for (const step of fileStep(host, path, text)) applyFile(step, host);
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

async function remove(host: Host, target: string): Promise<void> {
  for (let tries = 1; ; tries++) {
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

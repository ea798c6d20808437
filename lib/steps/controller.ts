/** A step that has a cgroup of version 2 hand the cpuset controller on to the cgroups below it, which get their files by that. */
import * as v from 'valibot';
import { isSystemError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { childrenOf, cpusetExists, cpusetName } from '../kernel/cpuset.js';
import { handsOn, setHandsOn, usersOfController } from '../kernel/cpuset-v2.js';
import { locate } from '../kernel/door.js';
import { findCpusets } from '../kernel/mounts.js';
import { fileStep } from './file/file.js';
import { keepingMasks, masksDetail } from './masks.js';
import { previewList } from './preview-list.js';
import type { Step, StepKind, Undo } from './step.js';

/** Its target is the directory of the cgroup. */
export type ControllerStep = Step<'controller', 'on' | 'off'>;

const state = v.picklist(['on', 'off']);
const shape = v.object({ kind: v.literal('controller'), target: v.string(), from: state, to: state });

export const controllerStep = (target: string): ControllerStep => ({
  kind: 'controller',
  target,
  from: 'off',
  to: 'on',
});

export const controllerKind: StepKind<ControllerStep> = {
  kind: 'controller',
  merges: 'target',

  validate(step, host) {
    const checked = v.parse(shape, step);
    const known = locate(host, checked.target).root === 'cgroup' && findCpusets(host).version === 2;
    if (!known) throw new VfioIsolateError('ERR_STATE', `${checked.target} is no cgroup of version 2`);
    return checked;
  },

  validateDetail: (detail) => v.parse(masksDetail, detail),

  apply({ target, to }, context) {
    // Even this overwrites masks: before 6.2 always, since then if cgroups below it had another list.
    return keepingMasks(context, { below: target, births: false }, async () => {
      write(context.host, target, to === 'on');
      return { changed: 1 };
    });
  },

  undo({ step: { target, from } }, host, { settle, leaving }): Undo {
    if (!cpusetExists(host, target) || handsOn(host, target) === (from === 'on')) return { steps: [] };
    if (from === 'on') return { steps: [controllerStep(target)] };
    const users = usersOfController(host, target);
    if (users.length === 0) return { steps: [noLonger(target)] };
    const lasting = users.find((user) => !leaving.has(user));
    if (settle && lasting === undefined) return { steps: endBelow(host, target) };
    const name = cpusetName(findCpusets(host), target);
    const because = `the cpuset controller stays enabled below ${name}: ${lasting ?? users[0]} makes use of it`;
    if (lasting === undefined) return { steps: [], waiting: { for: 'cgroup', because } };
    if (!settle && handsOn(host, lasting)) return { steps: [], waiting: { for: [lasting], because } };
    throw new VfioIsolateError('ERR_STATE', because, { remedy: 'restore again once that is over' });
  },

  // A cgroup that hands controllers on takes no tasks (cgroup-v2.rst, "No Internal Process Constraint").
  admits: ({ step: { target, from } }) => (from === 'off' ? target : undefined),

  within: ({ target }) => target,

  describe: ({ target, from, to }) => `cpuset controller below ${target}: ${from} -> ${to}`,

  preview({ target, to }, overlay) {
    const file = `${target}/cgroup.subtree_control`;
    const others = overlay
      .read(file)
      .split(/\s+/)
      .filter((name) => name !== '' && name !== 'cpuset');
    overlay.write(file, [...(to === 'on' ? ['cpuset'] : []), ...others].join(' '));
    if (to === 'off') return;
    for (const child of childrenOf(overlay, target)) {
      for (const list of ['cpus', 'mems'] as const) previewList(overlay, child, list, '');
    }
  },
};

const noLonger = (target: string): ControllerStep => ({ kind: 'controller', target, from: 'on', to: 'off' });

/** Steps that end it below a cgroup, in those below it first (else EBUSY), and that say which lists are lost by that. */
function endBelow(host: Host, target: string): Step[] {
  const below = childrenOf(host, target).flatMap((child) => [
    ...(handsOn(host, child) ? endBelow(host, child) : []),
    ...(['cpus', 'mems'] as const).flatMap((list) => fileStep(host, `${child}/cpuset.${list}`, '')),
  ]);
  return [...below, noLonger(target)];
}

function write(host: Host, target: string, on: boolean): void {
  try {
    setHandsOn(host, target, on);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw error.explained(known[error.code] ?? {});
  }
}

const known: Record<string, { reason: string; remedy: string }> = {
  ENOENT: {
    reason: 'the cgroup above it does not hand the cpuset controller on',
    remedy: 'somebody has disabled it meanwhile: see who manages the cgroups',
  },
  EBUSY: {
    reason: 'a cgroup below it still hands the controller on',
    remedy: 'undo that first',
  },
};

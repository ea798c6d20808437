/** A step that gives tasks their affinity masks back, where the kernel has overwritten them on the way. */
import * as v from 'valibot';
import { setMasks, type TaskMask } from '../kernel/affinity.js';
import { refusalReason } from '../kernel/migration.js';
import type { Step, StepKind } from './step.js';

export interface AffinityStep extends Step<'affinity', null> {
  readonly masks: readonly TaskMask[];
}

export const taskMasks = v.array(v.tuple([v.number(), v.number(), v.string()]));
const shape = v.object({
  kind: v.literal('affinity'),
  target: v.string(),
  from: v.null(),
  to: v.null(),
  masks: taskMasks,
});

export function affinityStep(masks: readonly TaskMask[]): AffinityStep {
  return { kind: 'affinity', target: 'tasks with a mask of their own', from: null, to: null, masks };
}

export const affinityKind: StepKind<AffinityStep> = {
  kind: 'affinity',
  merges: 'never',
  validate: (step) => v.parse(shape, step),

  async apply({ masks }, { host, control }) {
    const { done, gone, refused } = await setMasks(host, masks, control);
    return {
      changed: done,
      gone,
      refused: refused.map((refusal) => ({
        what: `affinity of task ${refusal.tid} (${refusal.comm})`,
        reason: refusalReason(refusal),
      })),
    };
  },

  undo: () => ({ steps: [] }),
  describe: ({ masks }, changed) => `affinity of ${changed || masks.length} tasks: as it was`,
  preview() {},
};

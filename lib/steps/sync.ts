/** A step that writes all dirty pages to disk (sync(2)): drop_caches only drops clean ones. Nothing to undo. */
import * as v from 'valibot';
import { native } from '../native.js';
import { endsInTime, LIMIT } from './apart.js';
import type { Step, StepKind } from './step.js';

export type SyncStep = Step<'sync', null>;

const shape = v.object({ kind: v.literal('sync'), target: v.literal('/'), from: v.null(), to: v.null() });

export const syncStep: SyncStep = { kind: 'sync', target: '/', from: null, to: null };

export const syncKind: StepKind<SyncStep> = {
  kind: 'sync',
  merges: 'target',
  validate: (step) => v.parse(shape, step),
  async apply(_step, { control }) {
    if (await endsInTime(native().syncApart(), { control, call: { syscall: 'sync' } })) return { changed: 1 };
    return {
      changed: 0,
      notes: [`the disks did not take all dirty pages within ${LIMIT}: only clean ones are dropped`],
    };
  },
  undo: () => ({ steps: [] }),
  describe: () => 'dirty pages: written to disk',
  preview() {},
};

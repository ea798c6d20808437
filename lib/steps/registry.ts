import { VfioIsolateError } from '../errors.js';
import { affinityKind } from './affinity/affinity.js';
import { cgroupKind } from './cgroup.js';
import { controllerKind } from './controller.js';
import { fileKind } from './file/file.js';
import { propertyKind } from './property.js';
import { sliceKind } from './slice.js';
import type { StepKind } from './step.js';
import { syncKind } from './sync.js';
import { tasksKind } from './tasks.js';

const kinds = new Map<string, StepKind>(
  [fileKind, cgroupKind, controllerKind, tasksKind, syncKind, sliceKind, propertyKind, affinityKind].map((kind) => [
    kind.kind,
    kind as unknown as StepKind,
  ]),
);

/** @throws VfioIsolateError `ERR_RECORD` for a kind that this version does not know */
export function kindOf(step: { readonly kind: string }): StepKind {
  const kind = kinds.get(step.kind);
  if (kind === undefined) {
    throw new VfioIsolateError('ERR_RECORD', `unknown kind of step ${JSON.stringify(step.kind)}`, {
      remedy: 'the record was written by another version: restore it with that one',
    });
  }
  return kind;
}

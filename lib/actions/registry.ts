/** Every command there is. A new one is a file in this folder and a line here. */
import { UsageError } from '../errors.js';
import { compactMemory } from './compact-memory.js';
import { cpuGovernor } from './cpu-governor.js';
import { cpusetCreate } from './cpuset-create.js';
import { cpusetDelete } from './cpuset-delete.js';
import { cpusetModify } from './cpuset-modify.js';
import { dropCaches } from './drop-caches.js';
import { irqAffinity } from './irq-affinity.js';
import { moveTasks } from './move-tasks.js';
import { restore } from './restore.js';
import type { Action, RestoreAction } from './spec.js';
import { taskAffinity } from './task-affinity.js';
import { x3dMode } from './x3d-mode.js';

export const actions: readonly (Action | RestoreAction)[] = [
  compactMemory,
  cpuGovernor,
  cpusetCreate,
  cpusetDelete,
  cpusetModify,
  dropCaches,
  irqAffinity,
  moveTasks,
  restore,
  taskAffinity,
  x3dMode,
];

/** @throws UsageError for a name that no command has */
export function actionOf(name: string): Action | RestoreAction {
  const action = actions.find(({ spec }) => spec.name === name);
  if (action === undefined) throw new UsageError(`no such command: ${JSON.stringify(name)}`);
  return action;
}

/** Where the tasks of a cgroup of version 2 go that is deleted. */
import { VfioIsolateError } from '../../errors.js';
import { cpusetName } from '../../kernel/cpuset.js';
import { findCpusets } from '../../kernel/mounts.js';
import { countTasks } from '../../kernel/tasks.js';
import type { Step } from '../../steps/step.js';
import { homewardSteps, moveStep } from '../../steps/tasks.js';
import type { PlanContext } from '../spec.js';

/**
 * The moves out of a cgroup: each task to where a record says that it came from; others to the root, if that is the
 * cgroup above. Any other cgroup above hands controllers on and so takes no tasks (EBUSY).
 * @param above the cgroup above what is deleted
 * @throws VfioIsolateError `ERR_STATE`
 */
export async function leaving(directory: string, above: string, { host, recorded }: PlanContext): Promise<Step[]> {
  const hierarchy = findCpusets(host);
  const { steps, others } = await homewardSteps(host, recorded(), directory, countTasks(host, directory));
  if (others === 0) return steps;
  if (above === hierarchy.mountPoint) return [...steps, moveStep(directory, above)];
  const [name, parent] = [directory, above].map((path) => cpusetName(hierarchy, path));
  throw new VfioIsolateError('ERR_STATE', `${name} holds ${others} tasks, and ${parent} above it can take none`, {
    remedy: 'move them first: move-tasks',
  });
}

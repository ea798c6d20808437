/** What is told of a task whose CPUs the kernel does not let be set. */
import { errnoName, SystemError } from '../../errors.js';
import type { Host } from '../../host.js';
import { affinityRefusalReason } from '../../kernel/affinity-refusal.js';
import { taskViewer } from '../../kernel/task-cpus.js';
import type { Refusal } from '../../native.js';
import type { Refused } from '../step.js';

const reasonOf = (host: Host, refusal: Refusal) => affinityRefusalReason(refusal, taskViewer(host));

export function refused(host: Host, refusal: Refusal): Refused {
  const code = errnoName(refusal.errno);
  return { what: `task ${refusal.tid} (${refusal.comm})`, reason: `${code}: ${reasonOf(host, refusal)}`, code };
}

export function refusalError(host: Host, refusal: Refusal, cpus: string): SystemError {
  return new SystemError({
    errno: refusal.errno,
    syscall: 'sched_setaffinity',
    path: `${host.proc}/${refusal.tid}`,
    value: cpus,
    reason: `task ${refusal.tid} (${refusal.comm}): ${reasonOf(host, refusal)}`,
    remedy: 'name CPUs of its cpuset (/proc/PID/cgroup), or widen that first',
  });
}

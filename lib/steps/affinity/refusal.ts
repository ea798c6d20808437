/** Why the kernel does not let a task's CPUs be set (sched_setaffinity(2)). */
import { errnoName, SystemError } from '../../errors.js';
import type { Host } from '../../host.js';
import { isFixed } from '../../kernel/kernel-threads.js';
import { taskViewer } from '../../kernel/task-cpus.js';
import type { Refusal } from '../../native.js';
import type { Refused } from '../step.js';

export function reasonOf(host: Host, refusal: Refusal): string {
  if (isFixed(refusal)) return 'its CPUs are fixed by the kernel';
  switch (errnoName(refusal.errno)) {
    case 'EINVAL': {
      const allowed = taskViewer(host)(refusal.tid)?.allowed;
      return allowed === undefined ? 'no CPU of these is online' : `its cpuset allows only CPUs ${allowed}`;
    }
    case 'EBUSY':
      return 'a deadline task keeps all CPUs of its root domain';
    case 'EPERM':
      return 'no right to set it';
    default:
      return 'the kernel refuses';
  }
}

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

/** Why the kernel does not let a task's CPUs be set (sched_setaffinity(2)). */
import { errnoName } from '../errors.js';
import type { Refusal } from '../native.js';
import { isFixed } from './kernel-threads.js';
import type { SeenTask } from './task-cpus.js';

/** @param look at a task as it is now */
export function affinityRefusalReason(refusal: Refusal, look: (tid: number) => SeenTask | undefined): string {
  if (isFixed(refusal)) return 'its CPUs are fixed by the kernel';
  switch (errnoName(refusal.errno)) {
    case 'EINVAL': {
      const allowed = look(refusal.tid)?.allowed;
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

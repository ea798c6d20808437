/** Moving tasks between cgroups, in native code, and why the kernel will not move some (cgroups(7), cpuset(7)). */
import { errnoName } from '../errors.js';
import type { Host } from '../host.js';
import { type Control, type MoveRecord, type MoveResult, native, type Refusal } from '../native.js';
import { openRoot } from './door.js';
import { BOUND_TO_CPUS, BOUND_TO_NODE, isFixed, isKernelThread, NODE_BOUND } from './kernel-threads.js';
import { findCpusets } from './mounts.js';
import type { TaskId } from './tasks.js';

export interface Move {
  /** Directory of the cgroup that the tasks go to. */
  readonly to: string;
  /** Directory of the cgroup whose tasks all go ... */
  readonly from?: string;
  /** ... or tasks by name, and whether each stands for one thread or for its whole process. */
  readonly tasks?: readonly TaskId[];
  readonly threads?: boolean;
}

/** Moves tasks and records nothing. @throws SystemError */
export function bulkMove(host: Host, move: Move, control: Control): Promise<MoveResult> {
  return moveTasks(host, move, control);
}

/** Moves tasks, each pass of them durably on record, with start times and origins, before it moves. @throws SystemError */
export function recordedMove(host: Host, move: Move, record: MoveRecord, control: Control): Promise<MoveResult> {
  return moveTasks(host, move, control, record);
}

async function moveTasks(host: Host, move: Move, control: Control, record?: MoveRecord): Promise<MoveResult> {
  const { root, relative } = openRoot(host, move.to);
  try {
    return await native().moveTasks({
      hierarchy: root,
      version: findCpusets(host).version,
      proc: host.proc,
      to: relative,
      leave: NODE_BOUND,
      control,
      ...(move.from !== undefined && { from: move.from.slice(root.path.length + 1) }),
      ...(move.tasks !== undefined && { tasks: columns(move.tasks), threads: move.threads ?? false }),
      ...(record !== undefined && { record }),
    });
  } finally {
    root.close();
  }
}

function columns(tasks: readonly TaskId[]): { tid: Int32Array; start: Float64Array } {
  return { tid: Int32Array.from(tasks, ([tid]) => tid), start: Float64Array.from(tasks, ([, start]) => start) };
}

/** Whether the refusal of this task was to be expected: no kernel thread bound to its CPUs may ever move. */
export function isBoundKernelThread(refusal: Refusal): boolean {
  return isKernelThread(refusal) && (isFixed(refusal) || refusal.comm === 'kthreadd');
}

/** Why the kernel does not move a task, in words. */
export function refusalReason(refusal: Refusal): string {
  if (refusal.errno === 0) return BOUND_TO_NODE;
  if (refusal.comm === 'kthreadd' && isBoundKernelThread(refusal)) return 'kthreadd stays in the root cgroup';
  if (isBoundKernelThread(refusal)) return BOUND_TO_CPUS;
  switch (errnoName(refusal.errno)) {
    case 'EINVAL':
      return 'EINVAL: a real-time task that the destination has no budget for, or a thread still being made';
    case 'ENOSPC':
      return 'ENOSPC: the destination has no CPUs or memory nodes, or no deadline bandwidth';
    case 'EBUSY':
      return 'EBUSY: the destination has controllers enabled for cgroups below it, or no deadline bandwidth';
    case 'EACCES':
    case 'EPERM':
      return `${errnoName(refusal.errno)}: no right to move it`;
    case 'EOPNOTSUPP':
      return 'EOPNOTSUPP: the destination is in an invalid or another threaded domain';
    case 'ENODEV':
      return 'ENODEV: the destination is being removed';
    case 'EILSEQ':
      return 'EILSEQ: the name of the cgroup that it is in cannot be recorded';
    default:
      return errnoName(refusal.errno);
  }
}

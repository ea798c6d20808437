/** Tasks: which ones a cgroup holds, where one is, moving them, and why the kernel will not move some. */
import { errnoName, SystemError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';
import {
  type Control,
  type MoveRecord,
  type MoveResult,
  native,
  newControl,
  type Refusal,
  type TaskTable,
} from '../native.js';
import { openRoot } from './door.js';
import { findCpusets } from './mounts.js';

/** PF_NO_SETAFFINITY (include/linux/sched.h): bound to its CPUs, and so to the root cpuset. */
const PF_NO_SETAFFINITY = 0x04000000;
const PF_KTHREAD = 0x00200000;

/** kswapdN and kcompactdN follow their node's CPUs; moved away and back they have lost that for good. */
const NODE_BOUND = ['kswapd', 'kcompactd'];

/** A task as a record names it: a TID may be reused, a TID with its start time (clock ticks since boot) is not. */
export type TaskId = readonly [tid: number, start: number];

export interface Move {
  /** Directory of the cgroup that the tasks go to. */
  readonly to: string;
  /** Directory of the cgroup whose tasks all go ... */
  readonly from?: string;
  /** ... or tasks by name, and whether each stands for one thread or for its whole process. */
  readonly tasks?: readonly TaskId[];
  readonly threads?: boolean;
  readonly record?: MoveRecord;
  readonly control?: Control;
}

/** Moves tasks, in native code. @throws SystemError */
export async function moveTasks(host: Host, move: Move): Promise<MoveResult> {
  const { root, relative } = openRoot(host, move.to);
  try {
    return await native().moveTasks({
      hierarchy: root,
      version: findCpusets(host).version,
      proc: host.proc,
      to: relative,
      leave: NODE_BOUND,
      control: move.control ?? newControl(),
      ...(move.from === undefined ? {} : { from: move.from.slice(root.path.length + 1) }),
      ...(move.tasks === undefined ? {} : { tasks: columns(move.tasks), threads: move.threads ?? false }),
      ...(move.record === undefined ? {} : { record: move.record }),
    });
  } finally {
    root.close();
  }
}

function columns(tasks: readonly TaskId[]): { tid: Int32Array; start: Float64Array } {
  return { tid: Int32Array.from(tasks, ([tid]) => tid), start: Float64Array.from(tasks, ([, start]) => start) };
}

/** The threads (v1) or processes (v2) that a cgroup holds. @throws SystemError */
export async function listTasks(host: Host, directory: string): Promise<TaskTable> {
  const { root, relative } = openRoot(host, directory);
  const list = findCpusets(host).version === 1 ? 'tasks' : 'cgroup.procs';
  try {
    return await native().listTasks(root, relative === '' ? list : `${relative}/${list}`, host.proc, newControl());
  } finally {
    root.close();
  }
}

/** How many threads (v1) or processes (v2) a cgroup holds, without looking at them. */
export function countTasks(host: Host, directory: string): number {
  const list = findCpusets(host).version === 1 ? 'tasks' : 'cgroup.procs';
  return host.read(`${directory}/${list}`).split('\n').filter(Boolean).length;
}

export interface TaskStatus {
  readonly ppid: number;
  readonly start: number;
}

/** Parent and start time of a task (proc_pid_stat(5)), or undefined where it has exited. */
export function taskStatus(host: Host, tid: number): TaskStatus | undefined {
  let stat: string | undefined;
  try {
    stat = readIfThere(host, `${host.proc}/${tid}/stat`);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ESRCH') return undefined;
    throw error;
  }
  // The command name may hold anything, blanks and parentheses too: fields are counted from its last parenthesis.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : { ppid: Number(fields[1]), start: Number(fields[19]) };
}

/** Directory of the cgroup that a task is in, in the hierarchy of the cpusets, or undefined where it has exited. */
export function cgroupOf(host: Host, tid: number): string | undefined {
  const { version, mountPoint } = findCpusets(host);
  let text: string | undefined;
  try {
    text = readIfThere(host, `${host.proc}/${tid}/cgroup`);
  } catch (error) {
    if (error instanceof SystemError && error.code === 'ESRCH') return undefined;
    throw error;
  }
  for (const line of text?.split('\n') ?? []) {
    const [id, controllers, path] = splitAtColons(line);
    const carries = version === 1 ? controllers?.split(',').includes('cpuset') : id === '0';
    if (carries) return path === '/' ? mountPoint : mountPoint + path;
  }
  return undefined;
}

function splitAtColons(line: string): [string, string | undefined, string | undefined] {
  const first = line.indexOf(':');
  const second = line.indexOf(':', first + 1);
  return [line.slice(0, first), line.slice(first + 1, second), line.slice(second + 1)];
}

/** Whether the refusal of this task was to be expected: no kernel thread bound to its CPUs may ever move. */
export function isBoundKernelThread({ flags, comm }: Refusal): boolean {
  return (flags & PF_KTHREAD) !== 0 && ((flags & PF_NO_SETAFFINITY) !== 0 || comm === 'kthreadd');
}

/** Why the kernel does not move a task, in words. */
export function refusalReason(refusal: Refusal): string {
  if (refusal.errno === 0) return 'kernel thread bound to a NUMA node, left where it is';
  if (refusal.comm === 'kthreadd' && isBoundKernelThread(refusal)) return 'kthreadd stays in the root cgroup';
  if (isBoundKernelThread(refusal)) return 'kernel thread bound to its CPUs';
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
    default:
      return errnoName(refusal.errno);
  }
}

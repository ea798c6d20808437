/** Kernel threads: which of them stay where they are, and why. */
import { PF_NO_SETAFFINITY, type TaskStatus } from './tasks.js';

const PF_KTHREAD = 0x00200000;

/** Begin the names of threads that follow their node's CPUs; moved away and back they have lost that for good. */
export const NODE_BOUND = ['kswapd', 'kcompactd'];

export const isKernelThread = ({ flags }: Pick<TaskStatus, 'flags'>): boolean => (flags & PF_KTHREAD) !== 0;

/** Whether nobody may set a task's CPUs: kworkers, threads of one CPU, io_uring's workers. */
export const isFixed = ({ flags }: Pick<TaskStatus, 'flags'>): boolean => (flags & PF_NO_SETAFFINITY) !== 0;

/** Whether a thread takes the CPU that its interrupt was given, each time that one changes. */
export const followsInterrupt = (task: Pick<TaskStatus, 'flags' | 'comm'>): boolean =>
  isKernelThread(task) && /^irq\/\d+-/.test(task.comm);

export const BOUND_TO_CPUS = 'kernel thread bound to its CPUs';
export const BOUND_TO_NODE = 'kernel thread bound to a NUMA node, left where it is';

/** Whether a task keeps its CPUs where all that may are given others. Anybody may give a task of theirs a kernel thread's name. */
export const stays = (task: Pick<TaskStatus, 'flags' | 'comm'>): boolean =>
  isKernelThread(task) ? reasonToStay(task) !== undefined : isFixed(task);

/** Why a kernel thread keeps its CPUs where all that may are given others, or undefined where it may be given them. */
export function reasonToStay(thread: Pick<TaskStatus, 'flags' | 'comm'>): string | undefined {
  if (isFixed(thread)) return BOUND_TO_CPUS;
  if (followsInterrupt(thread)) return 'thread of an interrupt, which it follows';
  if (NODE_BOUND.some((name) => thread.comm.startsWith(name))) {
    return BOUND_TO_NODE;
  }
  return undefined;
}

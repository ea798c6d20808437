/** Which tasks an affinity step is for. New ones may appear in it while it is applied. */
import type { Host } from '../../host.js';
import { isFixed, isKernelThread, reasonToStay } from '../../kernel/kernel-threads.js';
import { newPace } from '../../kernel/pace.js';
import { hasCpus, ownCpus, type SeenTask, taskViewer } from '../../kernel/task-cpus.js';
import { allPids, type TaskId, taskKey, taskStatus, threadsOf } from '../../kernel/tasks.js';
import { parseList } from '../../sets/list.js';
import type { Refused } from '../step.js';
import type { Row, Scope } from './shape.js';

/** What of a scope is to be changed, and what stays. */
export interface Choice {
  readonly rows: readonly Row[];
  /** Threads that stay as they are, each with the reason. */
  readonly left: readonly Refused[];
  /** Tasks whose cpuset allows none of the CPUs. */
  readonly shutOut: readonly SeenTask[];
  /** Tasks whose cpuset allows only some of the CPUs. */
  readonly narrowed: readonly SeenTask[];
}

export interface InScope {
  /** By ascending TID: so a process comes before its threads, and kthreadd before kernel threads. */
  readonly tasks: readonly SeenTask[];
  /** Processes of which a thread was listed, but gone when it was looked at: it may have started another one. */
  readonly vanished: readonly TaskId[];
}

/** The tasks of a scope. */
export async function tasksIn(host: Host, scope: Scope): Promise<InScope> {
  const tids = new Set<number>();
  const processes = new Map<number, TaskId>();
  for (const [tid, start] of scope.threads) if (taskStatus(host, tid)?.start === start) tids.add(tid);
  for (const [pid, start] of scope.processes) {
    if (taskStatus(host, pid)?.start !== start) continue;
    for (const tid of threadsOf(host, pid)) {
      tids.add(tid);
      processes.set(tid, [pid, start]);
    }
  }
  if (scope.kernelThreads) for (const tid of await kernelThreads(host)) tids.add(tid);
  const see = taskViewer(host);
  const tasks: SeenTask[] = [];
  const vanished = new Map<number, TaskId>();
  const pace = newPace();
  for (const tid of [...tids].sort((a, b) => a - b)) {
    await pace();
    const task = see(tid);
    const process = processes.get(tid);
    if (task !== undefined) tasks.push(task);
    else if (process !== undefined) vanished.set(process[0], process);
  }
  return { tasks, vanished: [...vanished.values()] };
}

/** What has to be done for tasks of a scope to have these CPUs; nothing for one that has them already. */
export function choose(tasks: readonly SeenTask[], scope: Scope, to: string): Choice {
  const cpus = parseList(to);
  const named = new Set([...scope.threads, ...scope.processes].map(([tid]) => tid));
  const choice = { rows: [] as Row[], left: [] as Refused[], shutOut: [] as SeenTask[], narrowed: [] as SeenTask[] };
  for (const task of tasks) {
    const reason = reasonFor(task, named.has(task.tid)) ?? reasonOfCpuset(task, cpus.overlaps(task.allowed), named);
    if (reason !== undefined) {
      choice.left.push({ what: `task ${task.tid} (${task.comm})`, reason });
      continue;
    }
    if (!cpus.overlaps(task.allowed)) choice.shutOut.push(task);
    else if (!cpus.minus(task.allowed).isEmpty) choice.narrowed.push(task);
    const from = ownCpus(task);
    if (from !== to) choice.rows.push([task.tid, task.start, from, to]);
  }
  return choice;
}

/** Those of a scope that appeared since, and did not inherit the CPUs. */
export function latecomers(tasks: readonly SeenTask[], scope: Scope, to: string, known: ReadonlySet<string>): Row[] {
  const late = tasks.filter((task) => !known.has(taskKey(task.tid, task.start)) && !hasCpus(task, to));
  return [...choose(late, scope, to).rows];
}

function reasonFor(task: SeenTask, named: boolean): string | undefined {
  if (isKernelThread(task) && !named) return reasonToStay(task);
  return isFixed(task) ? 'its CPUs are fixed by the kernel' : undefined;
}

/** Of kernel threads that nobody has named, some may be in a cpuset elsewhere. */
function reasonOfCpuset(task: SeenTask, overlaps: boolean, named: ReadonlySet<number>): string | undefined {
  if (overlaps || !isKernelThread(task) || named.has(task.tid)) return undefined;
  return `its cpuset allows only CPUs ${task.allowed}`;
}

async function kernelThreads(host: Host): Promise<number[]> {
  const found: number[] = [];
  const pace = newPace();
  for (const pid of allPids(host)) {
    await pace();
    const status = taskStatus(host, pid);
    if (status !== undefined && isKernelThread(status)) found.push(pid);
  }
  return found;
}

/** Tasks: which ones a cgroup holds, where one is, and what it is known by. */
import { SystemError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';
import { native, newControl, type TaskTable } from '../native.js';
import { openRoot } from './door.js';
import { findCpusets } from './mounts.js';

/** A task as a record names it: a TID may be reused, a TID with its start time (clock ticks since boot) is not. */
export type TaskId = readonly [tid: number, start: number];

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

/** Tasks: which ones a cgroup holds, where one is, and what it is known by. */
import { isSystemError } from '../errors.js';
import { type Host, listIfThere, readIfThere, textIfThere } from '../host.js';
import { native, newControl, type TaskTable } from '../native.js';
import { childrenOf } from './cpuset.js';
import { openRoot, PATH_MAX } from './door.js';
import { findCpusets } from './mounts.js';

/** A task as a record names it: a TID may be reused, a TID with its start time (clock ticks since boot) is not. */
export type TaskId = readonly [tid: number, start: number];

/** By which a task is looked up: a reused TID is another task. */
export const taskKey = (tid: number, start: number): string => `${tid} ${start}`;

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
  return lines(host.read(`${directory}/${list}`)).length;
}

/** The threads in a cgroup and in those below it; none of those that are gone. */
export function threadsBelow(host: Host, directory: string): number[] {
  const here = lines(threadList(host, directory)).map(Number);
  return [...here, ...childrenOf(host, directory).flatMap((child) => threadsBelow(host, child))];
}

function threadList(host: Host, directory: string): string | undefined {
  try {
    return readIfThere(host, `${directory}/${findCpusets(host).version === 1 ? 'tasks' : 'cgroup.threads'}`);
  } catch (error) {
    // "domain invalid": nothing can be in it
    if (isSystemError(error, 'EOPNOTSUPP')) return undefined;
    throw error;
  }
}

const lines = (text: string | undefined) => (text ?? '').split('\n').filter(Boolean);

export interface TaskStatus {
  /** Name of the thread, at most 15 bytes. */
  readonly comm: string;
  /** R, S, D, Z, ... */
  readonly state: string;
  readonly ppid: number;
  readonly start: number;
  /** PF_* flags (include/linux/sched.h). */
  readonly flags: number;
}

/** PF_NO_SETAFFINITY: bound to its CPUs, and so to the root cpuset. */
export const PF_NO_SETAFFINITY = 0x04000000;

/** Whether it has exited, and only waits for its parent: it is in no cgroup any more that it could be moved from. */
export function isDead({ state }: TaskStatus): boolean {
  return state === 'Z' || state === 'X';
}

/** The TIDs of a process's threads; none where it has exited. */
export function threadsOf(host: Host, pid: number): number[] {
  return (listIfThere(host, `${host.proc}/${pid}/task`) ?? []).map(Number);
}

/** USER_HZ, the unit of start times (time(7)); 100 wherever Node runs. */
const TICKS_PER_SECOND = 100;

/** Clock ticks since boot, as start times count them (proc_uptime(5)). */
export function ticksSinceBoot(host: Host): number {
  return Math.floor(Number.parseFloat(host.read(`${host.proc}/uptime`)) * TICKS_PER_SECOND);
}

/** State, parent and start time of a task (proc_pid_stat(5)), or undefined where it has exited. */
export function taskStatus(host: Host, tid: number): TaskStatus | undefined {
  // Not /proc/TID/stat: for each read of that the kernel adds up all threads of the process.
  const stat = readOfTask(host, tid, `task/${tid}/stat`);
  // The command name may hold anything, blanks and parentheses too: fields are counted from its last parenthesis.
  if (stat === undefined) return undefined;
  const end = stat.lastIndexOf(')');
  const comm = stat.slice(stat.indexOf('(') + 1, end);
  const fields = stat.slice(end + 2).split(' ');
  return { comm, state: fields[0] ?? '', ppid: Number(fields[1]), start: Number(fields[19]), flags: Number(fields[6]) };
}

/** The PIDs of all processes, ascending. */
export function allPids(host: Host): number[] {
  return host
    .list(host.proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** The process that a thread belongs to (proc_pid_status(5), Tgid), or undefined where it has exited. */
export function processOf(host: Host, tid: number): number | undefined {
  const tgid = statusField(host, tid, 'Tgid');
  return tgid === undefined ? undefined : Number(tgid);
}

/** Where the CPUs of a task are told. */
export const statusFile = (host: Host, tid: number): string => `${host.proc}/${tid}/status`;

/** The CPUs that a task asks for, offline ones too (proc_pid_status(5), Cpus_allowed_list). */
export function askedCpus(host: Host, tid: number): string | undefined {
  return statusField(host, tid, 'Cpus_allowed_list');
}

/**
 * A field of /proc/TID/status. A task chooses the name that stands on its first line. The kernel escapes newlines in it, but
 * nothing else that a pattern may take for the end of a line.
 */
function statusField(host: Host, tid: number, name: string): string | undefined {
  const status = readOfTask(host, tid, 'status');
  const [, after] = status?.split(`\n${name}:\t`, 2) ?? [];
  return after?.split('\n', 1)[0];
}

/** A file of /proc/TID, or undefined where the task has exited: before it was opened, or (ESRCH) since. */
function readOfTask(host: Host, tid: number, name: string): string | undefined {
  try {
    return textIfThere(host, `${host.proc}/${tid}/${name}`);
  } catch (error) {
    if (isSystemError(error, 'ESRCH')) return undefined;
    throw error;
  }
}

/** Stands for the path of a cgroup that the kernel cannot tell: it lets no name hold a newline (cgroup_mkdir()). */
const UNTOLD = '/(its path is too long)\n';

/** Directory of the cgroup that a task is in, in the hierarchy of the cpusets, or undefined if it has exited. */
export function cgroupOf(host: Host, tid: number): string | undefined {
  const { version, mountPoint } = findCpusets(host);
  for (const line of cgroupLines(host, tid)) {
    const [id = '', controllers = ''] = line.split(':', 2);
    const carries = version === 1 ? controllers.split(',').includes('cpuset') : id === '0';
    // Whoever makes a cgroup names it: its name may hold all but a newline and a slash.
    const path = line.slice(id.length + controllers.length + 2);
    if (carries) return path === '/' ? mountPoint : mountPoint + (isWhole(path) ? path : UNTOLD);
  }
  return undefined;
}

/** A longer path is cut short, to one byte less than PATH_MAX, without a word (proc_cgroup_show()). */
const isWhole = (path: string): boolean => Buffer.byteLength(path) < PATH_MAX - 1;

/** Lines of /proc/TID/cgroup; none if the task has exited. */
function cgroupLines(host: Host, tid: number): string[] {
  try {
    return lines(host.read(`${host.proc}/${tid}/cgroup`));
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH')) return [];
    // Kernels that do not cut it short refuse to tell of any hierarchy.
    if (isSystemError(error, 'ENAMETOOLONG')) return [`0:cpuset:${UNTOLD}`];
    throw error;
  }
}

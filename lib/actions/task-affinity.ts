import { UsageError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { isFixed } from '../kernel/kernel-threads.js';
import type { SeenTask } from '../kernel/task-cpus.js';
import { processOf, type TaskId, taskStatus } from '../kernel/tasks.js';
import { readTopology, resolveCpus } from '../kernel/topology.js';
import { affinityStep } from '../steps/affinity/affinity.js';
import { choose, tasksIn } from '../steps/affinity/scope.js';
import type { Row, Scope } from '../steps/affinity/shape.js';
import { optionalFlag, text, texts } from './parameters.js';
import type { Action } from './spec.js';

export const taskAffinity: Action = {
  spec: {
    name: 'task-affinity',
    summary: 'set the CPUs that processes and kernel threads may run on',
    description: [
      'Has processes, with all their threads, run on these CPUs only, as far as their cpuset allows; the TID of a ' +
        'thread that is not the first of its process stands for that thread alone. PID 2 is kthreadd, which new ' +
        'kernel threads are born of.',
      'With --kernel-threads, all kernel threads that may be moved. Left are those bound to their CPUs, kswapd and ' +
        'kcompactd, which belong to a NUMA node, and the threads of interrupts, which follow their interrupt: they ' +
        'are counted, and listed with -v.',
      'Undone, each task has its own CPUs again, and so have those that were born meanwhile and inherited the new ones.',
    ],
    arguments: [
      { name: 'cpu-set', help: 'the CPUs', type: 'cpus' },
      { name: 'pid', help: 'processes, or single threads by their TID', type: 'pid', optional: true, variadic: true },
    ],
    options: [{ name: 'kernel-threads', help: 'all kernel threads that may be moved' }],
    examples: [
      {
        line: 'vfio-isolate -u /tmp/undo_tasks task-affinity C0-6,16-22 --kernel-threads',
        effect: 'kernel threads, also those born later, keep to CPUs 0-6 and 16-22',
      },
    ],
  },

  async plan(parameters, { host }) {
    const word = text(parameters, 'cpuSet');
    const { online } = readTopology(host);
    const cpus = resolveCpus(word, readTopology(host));
    if (!cpus.overlaps(online)) {
      throw new UsageError(`${word}: no task can run there: CPU ${cpus} is offline`, {
        remedy: `name some of the online CPUs ${online}`,
      });
    }
    const scope = scopeOf(host, texts(parameters, 'pid'), optionalFlag(parameters, 'kernelThreads') ?? false);
    const to = cpus.toString();
    const { tasks, vanished } = await tasksIn(host, scope);
    const { rows, left, shutOut, narrowed } = choose(tasks, scope, to);
    requireAllowed(shutOut, to);
    // Where nothing else is to be set, threads that nobody could look at may still be.
    const all = rows.length > 0 ? rows : vanished.map(([pid, start]): Row => [pid, start, to, to]);
    return {
      steps: all.length === 0 ? [] : [affinityStep(host, all, scope)],
      notes: narrowed.length === 0 ? [] : [limited(narrowed, to)],
      left,
    };
  },
};

/** @throws UsageError for a task that does not exist; VfioIsolateError for one whose CPUs nobody may set */
function scopeOf(host: Host, pids: readonly string[], kernelThreads: boolean): Scope {
  if (pids.length === 0 && !kernelThreads) {
    throw new UsageError('task-affinity is told no task', { remedy: 'name PIDs, or --kernel-threads' });
  }
  const processes: TaskId[] = [];
  const threads: TaskId[] = [];
  for (const word of new Set(pids)) {
    const tid = /^[1-9]\d{0,9}$/.test(word) ? Number(word) : Number.NaN;
    if (!(tid <= 0x7fff_ffff)) throw new UsageError(`${JSON.stringify(word)} is no PID`);
    const [status, process] = [taskStatus(host, tid), processOf(host, tid)];
    if (status === undefined || process === undefined) throw new UsageError(`there is no task ${tid}`);
    if (isFixed(status)) {
      throw new VfioIsolateError('ERR_STATE', `the kernel has fixed the CPUs of task ${tid} (${status.comm})`, {
        remedy: 'leave it out',
      });
    }
    (process === tid ? processes : threads).push([tid, status.start]);
  }
  return { processes, threads, kernelThreads };
}

/** The kernel answers EINVAL; told before anything is touched. */
function requireAllowed(shutOut: readonly SeenTask[], to: string): void {
  const [first] = shutOut;
  if (first === undefined) return;
  const message = `task ${first.tid} (${first.comm}) cannot run on CPUs ${to}: its cpuset allows only ${first.allowed}`;
  throw new VfioIsolateError('ERR_STATE', message, {
    remedy: `name some of those, or widen its cpuset (see /proc/${first.tid}/cgroup) first`,
  });
}

function limited(narrowed: readonly SeenTask[], to: string): string {
  const [first] = narrowed;
  const who = narrowed.length === 1 ? `task ${first?.tid} (${first?.comm})` : `${narrowed.length} tasks`;
  return `the cpusets of ${who} allow not all of CPUs ${to}, but ${first?.allowed}`;
}

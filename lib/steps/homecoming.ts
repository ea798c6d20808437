/**
 * Who goes back where when a move is undone. Tasks that moved go to where they came from; the destination's own stay.
 * Of those born there since, a thread goes with its process, a process with its nearest recorded ancestor, and one
 * without any to the source of the move.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { Host } from '../host.js';
import { listIfThere } from '../host.js';
import { cpusetExists, parentOf } from '../kernel/cpuset.js';
import { findCpusets } from '../kernel/mounts.js';
import { cgroupOf, listTasks, type TaskId, taskStatus } from '../kernel/tasks.js';
import type { TaskTable } from '../native.js';

/** One batch of the record: what moved, and from which cgroup. */
export interface Moved {
  readonly from: string;
  readonly processes: readonly TaskId[];
  readonly threads: readonly TaskId[];
}

export interface Recorded {
  readonly residents: readonly TaskId[];
  readonly moved: readonly Moved[];
}

export interface Homecoming {
  readonly groups: readonly Group[];
  /** Recorded tasks that live neither in the destination nor where they came from. */
  readonly elsewhere: readonly { readonly tid: number; readonly cgroup: string }[];
  readonly notes: readonly string[];
}

interface Group {
  readonly to: string;
  readonly processes: TaskId[];
  readonly threads: TaskId[];
}

/** Reads of /proc between two turns of the event loop: a signal must be seen within 100 ms. */
const BATCH = 500;

/** A task stays where it is. */
const STAYS = Symbol('stays');
type Home = string | typeof STAYS;

export async function homecoming(
  host: Host,
  move: { readonly from: string; readonly to: string },
  { residents, moved }: Recorded,
  force: boolean,
): Promise<Homecoming> {
  const known = new Known(residents, moved);
  const groups = new Groups(host, findCpusets(host).version);
  const table = cpusetExists(host, move.to) ? await listTasks(host, move.to) : EMPTY;
  const processes = byProcess(table);
  let looked = 0;
  for (const [pid, rows] of processes) {
    if (++looked % BATCH === 0) await breathe();
    groups.add(table, pid, rows, (row) => homeOf(host, table, row, known, move.from));
  }
  const elsewhere = await findStrays(host, table, moved, move.to);
  if (force) for (const { task, home, whole } of elsewhere) groups.bring(home, task, whole);
  return {
    groups: groups.all(),
    elsewhere: elsewhere.map(({ task: [tid], cgroup }) => ({ tid, cgroup })),
    notes: groups.notes,
  };
}

const EMPTY: TaskTable = {
  tid: new Int32Array(),
  tgid: new Int32Array(),
  ppid: new Int32Array(),
  start: new Float64Array(),
  flags: new Uint32Array(),
  comm: [],
};

/** The homes of recorded tasks, by TID, guarded by start time. */
class Known {
  readonly #tasks = new Map<number, { start: number; home: Home }>();
  constructor(residents: readonly TaskId[], moved: readonly Moved[]) {
    for (const { from, processes, threads } of moved) {
      for (const [tid, start] of [...processes, ...threads]) this.#tasks.set(tid, { start, home: from });
    }
    for (const [tid, start] of residents) this.#tasks.set(tid, { start, home: STAYS });
  }

  home(tid: number, start: number | undefined): Home | undefined {
    const task = this.#tasks.get(tid);
    return task?.start === start ? task?.home : undefined;
  }
}

function byProcess(table: TaskTable): Map<number, number[]> {
  const processes = new Map<number, number[]>();
  table.tgid.forEach((tgid, row) => {
    const rows = processes.get(tgid);
    if (rows === undefined) processes.set(tgid, [row]);
    else rows.push(row);
  });
  return processes;
}

function homeOf(host: Host, table: TaskTable, row: number, known: Known, source: string): Home {
  const tid = at(table.tid, row);
  const tgid = at(table.tgid, row);
  const own = known.home(tid, at(table.start, row)) ?? known.home(tgid, taskStatus(host, tgid)?.start);
  return own ?? homeOfAncestor(host, at(table.ppid, row), known) ?? source;
}

function homeOfAncestor(host: Host, ppid: number, known: Known): Home | undefined {
  for (let pid = ppid; pid > 0; ) {
    const status = taskStatus(host, pid);
    if (status === undefined) return undefined;
    const home = known.home(pid, status.start);
    if (home !== undefined) return home;
    pid = status.ppid;
  }
  return undefined;
}

/** Tasks by the cgroup that they go to: whole processes where all threads are here and go to one home. */
class Groups {
  readonly notes: string[] = [];
  readonly #groups = new Map<string, Group>();
  readonly #host: Host;
  readonly #version: 1 | 2;

  constructor(host: Host, version: 1 | 2) {
    this.#host = host;
    this.#version = version;
  }

  all(): Group[] {
    return [...this.#groups.values()];
  }

  add(table: TaskTable, pid: number, rows: readonly number[], homeOfRow: (row: number) => Home): void {
    const homes = rows.map(homeOfRow);
    const [first] = homes;
    if (first !== undefined && homes.every((home) => home === first) && this.#isWhole(pid, rows.length)) {
      const leader = rows.find((row) => at(table.tid, row) === pid) ?? at(rows, 0);
      this.bring(first, taskAt(table, leader), true);
      return;
    }
    for (const [index, row] of rows.entries()) this.bring(homes[index] ?? STAYS, taskAt(table, row), false);
  }

  bring(home: Home, task: TaskId, whole: boolean): void {
    if (home === STAYS) return;
    const group = this.#group(home);
    (whole ? group.processes : group.threads).push(task);
  }

  /**
   * Whether a write to cgroup.procs moves these threads and no other. v2 moves only whole processes. On v1 a process
   * with one thread here is moved as that thread, wherever others of it may be.
   */
  #isWhole(pid: number, threadsHere: number): boolean {
    if (this.#version === 2) return true;
    return threadsHere > 1 && listIfThere(this.#host, `${this.#host.proc}/${pid}/task`)?.length === threadsHere;
  }

  #group(home: string): Group {
    const to = this.#nearest(home);
    const group = this.#groups.get(to) ?? { to, processes: [], threads: [] };
    this.#groups.set(to, group);
    return group;
  }

  /** The home itself, or, where somebody has removed it, the nearest cgroup above. */
  #nearest(home: string): string {
    let to = home;
    while (!cpusetExists(this.#host, to)) to = parentOf(to);
    const note = `${home} no longer exists: its tasks went to ${to}`;
    if (to !== home && !this.notes.includes(note)) this.notes.push(note);
    return to;
  }
}

/** Recorded tasks that are alive and neither in the destination nor home. */
async function findStrays(host: Host, table: TaskTable, moved: readonly Moved[], destination: string) {
  const here = new Set(table.tid);
  const strays: { task: TaskId; home: string; whole: boolean; cgroup: string }[] = [];
  let looked = 0;
  for (const { from, processes, threads } of moved) {
    for (const [index, task] of [...processes, ...threads].entries()) {
      const [tid, start] = task;
      if (here.has(tid)) continue;
      if (++looked % BATCH === 0) await breathe();
      if (taskStatus(host, tid)?.start !== start) continue;
      const cgroup = cgroupOf(host, tid);
      if (cgroup === undefined || cgroup === from || cgroup === destination) continue;
      strays.push({ task, home: from, whole: index < processes.length, cgroup });
    }
  }
  return strays;
}

function taskAt(table: TaskTable, row: number): TaskId {
  return [at(table.tid, row), at(table.start, row)];
}

function at(column: ArrayLike<number>, row: number): number {
  return column[row] ?? Number.NaN;
}

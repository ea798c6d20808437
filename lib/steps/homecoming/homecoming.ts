/**
 * Who goes back where when moves are undone. Each task goes to where the record first saw it; a destination's own stay.
 * Of those born in a destination since, a thread goes with its process, a process with its nearest recorded ancestor, and
 * one without any to the source of the last move. A task that was brought home once stays where it is since then, until it
 * is moved anew. What somebody else has put there stays if it is older than the move. Of
 * what is younger nobody can tell: a child whose parent has exited is given to a subreaper (prctl(2)), which the kernel does
 * not show to be one, so a parent outside may be that of an orphan.
 */
import type { Host } from '../../host.js';
import { cpusetExists, refugeFrom } from '../../kernel/cpuset.js';
import { isPlain } from '../../kernel/door.js';
import { findCpusets } from '../../kernel/mounts.js';
import { newPace } from '../../kernel/pace.js';
import { countTasks, listTasks, type TaskId, taskStatus } from '../../kernel/tasks.js';
import type { TaskTable } from '../../native.js';
import { type Group, Groups, type Homeward } from './groups.js';
import { Homes, type Move } from './homes.js';
import { spentMoves } from './spent.js';
import { type FoundStray, findStrays } from './strays.js';

export interface Homecoming {
  readonly groups: readonly Group[];
  /** Homes that do not exist, and may come back once something else is undone. */
  readonly missing: readonly string[];
  /** Recorded tasks that stay where they are: neither in a destination, nor where those of one go that is emptied or removed, nor at home. */
  readonly strays: readonly Stray[];
  readonly notes: readonly string[];
  /** Destinations that all of their tasks leave for one cgroup, with that. */
  readonly leaving: ReadonlyMap<string, string>;
  /** Destinations with tasks that were born or had exited while they were looked at. */
  readonly missed: readonly string[];
  /** Recorded tasks that are at home, or stay elsewhere for good. */
  readonly back: readonly TaskId[];
  /** Indices of the moves of which nothing is away from home. */
  readonly spent: readonly number[];
}

export interface Stray {
  readonly tid: number;
  /** Where it is. */
  readonly cgroup: string;
}

export interface HomecomingOptions {
  /** Bring strays home, too. */
  readonly force: boolean;
  /** A home that does not exist will not come back: the nearest cgroup above it stands in. */
  readonly settle: boolean;
  /** Tasks may go without being named. */
  readonly unnamed?: boolean;
}

export async function homecoming(
  host: Host,
  moves: readonly Move[],
  { force, settle, unnamed = false }: HomecomingOptions,
): Promise<Homecoming> {
  const homes = new Homes(moves);
  const groups = new Groups(host, settle);
  const seen = new Map<number, string>();
  const astray = new Set<string>();
  const adrift = new Set<string>();
  const leaving = new Map<string, string>();
  const missed: string[] = [];
  let foreign = 0;
  for (const destination of homes.destinations) {
    if (!cpusetExists(host, destination)) continue;
    const table = await listTasks(host, destination);
    const homesHere = new Set<string>();
    await eachProcess(table, (pid, rows) => {
      const threads = homeward(host, destination, table, pid, rows, homes);
      foreign += rows.length - threads.length;
      if (threads.some(({ isAdrift }) => isAdrift)) adrift.add(destination);
      for (const row of rows) seen.set(at(table.tid, row), destination);
      if (threads.some(({ home }) => home !== destination)) astray.add(destination);
      for (const { home } of threads) homesHere.add(home);
      if (threads.length < rows.length) homesHere.add(destination);
      groups.add(destination, pid, threads);
    });
    const isMissed = countTasks(host, destination) > table.tid.length;
    if (isMissed) missed.push(destination);
    if (unnamed && isMissed && homesHere.size === 0) {
      adrift.add(destination);
      homesHere.add(homes.source(destination));
    }
    const [home] = homesHere;
    const to = homesHere.size === 1 && home !== undefined ? groups.destinationFor(home) : undefined;
    if (to !== undefined && to !== destination) leaving.set(destination, to);
  }
  const { strays, back, gone, scattered } = await findStrays(host, homes, groups, seen, settle);
  const refuges = new Set(homes.destinations.map((directory) => refuge(host, groups, directory)));
  const [homeless, left]: [FoundStray[], FoundStray[]] = [[], []];
  for (const stray of strays) {
    const { thread, cgroup, whole } = stray;
    const isEvicted = refuges.has(cgroup);
    const isHomeless = !isEvicted && groups.nearest(thread.home) !== thread.home;
    // A step cannot say of a task that it comes from a cgroup with control characters in its name.
    if (isEvicted || (force && !isHomeless && isPlain(cgroup))) groups.bring(cgroup, thread, whole);
    else (isHomeless ? homeless : left).push(stray);
  }
  for (const { thread, cgroup } of homeless) {
    groups.leave(cgroup, thread);
    if (settle) back.push(thread.task);
  }
  // Such a process is home once all of its threads are.
  for (const { threads, members } of groups.all())
    for (const [tid] of threads) if (scattered.has(tid)) members.set(tid, []);
  return {
    groups: groups.all(),
    missing: [...groups.missing],
    strays: left.map(({ thread, cgroup }) => ({ tid: thread.task[0], cgroup })),
    leaving,
    missed,
    back,
    spent: spentMoves(moves, [...back, ...gone], new Set([...astray, ...missed])),
    notes: [
      ...groups.notes,
      ...(foreign === 0 ? [] : [`${foreign} tasks that somebody else put there stay`]),
      ...[...adrift].map((destination) => adriftNote(destination, homes.source(destination))),
    ],
  };
}

/** Where tasks of a destination are that the kernel has emptied, or that was removed, as by the restore of another record. */
function refuge(host: Host, groups: Groups, directory: string): string | undefined {
  const nearest = groups.nearest(directory);
  return nearest === directory ? refugeFrom(host, findCpusets(host), directory) : nearest;
}

/** Without a number: it is the same for those that appear while others go home. */
function adriftNote(from: string, to: string): string {
  return `tasks of ${from} that are younger than the move, and have no ancestor on record, go to ${to}`;
}

/** Calls for each process of a table, with its rows. */
async function eachProcess(table: TaskTable, act: (pid: number, rows: readonly number[]) => void): Promise<void> {
  const processes = new Map<number, number[]>();
  table.tgid.forEach((tgid, row) => {
    const rows = processes.get(tgid);
    if (rows === undefined) processes.set(tgid, [row]);
    else rows.push(row);
  });
  const pace = newPace();
  for (const [pid, rows] of processes) {
    act(pid, rows);
    await pace();
  }
}

interface Found extends Homeward {
  /** It is not on record, nor is its process or any ancestor. */
  readonly isAdrift: boolean;
}

/** The threads of one process with their homes, but for those that somebody else has put there. */
function homeward(
  host: Host,
  destination: string,
  table: TaskTable,
  pid: number,
  rows: readonly number[],
  homes: Homes,
): Found[] {
  let started: number | undefined | null = null;
  // Looked up once a process, and only where a thread asks: the kernel adds up all threads for each read.
  const start = () => {
    if (started === null) started = taskStatus(host, pid)?.start;
    return started;
  };
  const isHere = rows.some((row) => at(table.tid, row) === pid);
  return rows.flatMap((row): Found[] => {
    const task = [at(table.tid, row), at(table.start, row)] as const;
    const known = homes.home(...task);
    if (known !== undefined) return [{ task, home: known, isAdrift: false }];
    if (homes.isSettled(destination, task)) return atHome(destination, task, homes.lastHome(...task));
    const process = task[0] === pid ? undefined : start();
    if (process !== undefined) {
      // With a process that was brought home once, and is here again, its threads are.
      const isTheirs = isHere && homes.home(pid, process) === undefined && homes.isSettled(destination, [pid, process]);
      if (isTheirs) return atHome(destination, task, homes.lastHome(pid, process));
      const ofProcess = homes.home(pid, process) ?? homes.homeAt(pid, process, task[1]);
      if (ofProcess !== undefined) return [{ task, home: ofProcess, isAdrift: false }];
    }
    if (!homes.isBornIn(destination, task[1])) return [];
    const ofAncestor = homes.homeOfAncestor(host, destination, at(table.ppid, row), task[1]);
    return [{ task, home: ofAncestor ?? homes.source(destination), isAdrift: ofAncestor === undefined }];
  });
}

/** It stays in a destination: that is its home, or else somebody else has put it there. */
function atHome(destination: string, task: TaskId, home: string | undefined): Found[] {
  return home === destination ? [{ task, home, isAdrift: false }] : [];
}

function at(column: ArrayLike<number>, row: number): number {
  return column[row] ?? Number.NaN;
}

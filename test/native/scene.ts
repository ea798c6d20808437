/** A scratch cpuset with a source and a destination, processes in it, and the addon's door to it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach } from 'vitest';
import { type Control, type Directory, type MoveRequest, newControl } from '../../lib/native.js';
import { openScratch, type Scratch } from '../support/scratch.js';
import { addon } from './addon.js';

export const HIERARCHY = '/sys/fs/cgroup/cpuset';
const CGROUP_SUPER_MAGIC = 0x27e0eb;

const program = join(tmpdir(), `vfio-isolate-test-tasks-${process.pid}`);

export interface Scene {
  readonly scratch: Scratch;
  readonly hierarchy: Directory;
  /** The cpusets `from` and `to`, relative to the hierarchy. */
  readonly from: string;
  readonly to: string;
  /** A request to move all of `from` to `to`. */
  request(more?: Partial<MoveRequest>): MoveRequest & { readonly control: Control };
  /** Starts processes in `from`. @returns the PID of the one that leads them and their process group */
  start(...words: string[]): Promise<number>;
  tids(name: 'from' | 'to' | 'elsewhere'): number[];
  processes(name: 'from' | 'to' | 'elsewhere'): number[];
  put(tid: number, name: 'from' | 'to' | 'elsewhere'): void;
}

/** Opens one before each test. */
export function useScene(): { readonly now: Scene } {
  const holder: { scene?: Scene } = {};
  const groups: number[] = [];
  beforeEach(() => {
    holder.scene = openScene(groups);
  });
  afterEach(() => {
    holder.scene?.hierarchy.close();
    // A process that keeps forking is not to be caught one by one.
    for (const group of groups.splice(0)) endGroup(group);
  });
  afterAll(() => execFileSync('rm', ['-f', program]));
  return {
    get now(): Scene {
      if (holder.scene === undefined) throw new Error('no scene outside of a test');
      return holder.scene;
    },
  };
}

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function openScene(groups: number[]): Scene {
  const scratch = openScratch();
  const hierarchy = new addon.Directory(HIERARCHY, CGROUP_SUPER_MAGIC);
  for (const name of ['from', 'to', 'elsewhere']) scratch.make(name);
  const from = `${scratch.name.slice(1)}/from`;
  const to = `${scratch.name.slice(1)}/to`;
  return {
    scratch,
    hierarchy,
    from,
    to,
    request: (more = {}) => ({ hierarchy, version: 1, proc: '/proc', to, from, control: newControl(), ...more }),
    async start(...words) {
      if (!existsSync(program))
        execFileSync('cc', ['-O1', '-pthread', '-o', program, join(import.meta.dirname, 'tasks.c')]);
      const { pid } = await scratch.start('from', `exec ${program} ${words.map((word) => `'${word}'`).join(' ')}`);
      if (pid === undefined) throw new Error('not started');
      groups.push(pid);
      return pid;
    },
    tids: (name) => scratch.tids(name),
    processes: (name) => scratch.read(`${name}/cgroup.procs`).split('\n').filter(Boolean).map(Number),
    put: (tid, name) => writeFileSync(`${scratch.directory}/${name}/tasks`, String(tid)),
  };
}

/** Start time of a task, field 22 of its stat. */
export function startOf(tid: number): number {
  const stat = readFileSync(`/proc/${tid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

export const threadsOf = (pid: number): number[] => readdirSync(`/proc/${pid}/task`).map(Number);

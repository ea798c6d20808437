/**
 * A scratch cpuset of the test's own, and processes of its own in it: all that a test in place may touch. Removed
 * afterwards, whatever the test did.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach } from 'vitest';

const V1 = '/sys/fs/cgroup/cpuset';

/** Why the tests in place cannot run here, or undefined where they can. */
export const notInPlace: string | undefined =
  process.geteuid?.() !== 0
    ? 'not root'
    : !existsSync(`${V1}/cpuset.cpus`)
      ? `no v1 cpuset hierarchy at ${V1}`
      : undefined;

export interface Scratch {
  /** As a user names it: /vfio-isolate-test-... */
  readonly name: string;
  readonly directory: string;
  /** A folder for records and the like. */
  readonly folder: string;
  /** Text of a file of a cpuset below it, trimmed. */
  read(file: string): string;
  write(file: string, value: string): void;
  make(name: string, settings?: { cpus?: string; mems?: string }): string;
  /** Starts processes in a cpuset below it. @returns their PIDs */
  sleepers(name: string, count: number): Promise<number[]>;
  /** Starts a shell script in a cpuset below it. */
  start(name: string, script: string): Promise<ChildProcess>;
  tids(name: string): number[];
}

const open: { scratch: Scratch; children: ChildProcess[] }[] = [];
let count = 0;

export function openScratch(): Scratch {
  const name = `/vfio-isolate-test-${process.pid}-${++count}`;
  const directory = V1 + name;
  const children: ChildProcess[] = [];
  const scratch: Scratch = {
    name,
    directory,
    folder: mkdtempSync(join(tmpdir(), 'vfio-isolate-test-')),
    read: (file) => readFileSync(`${directory}/${file}`, 'utf8').trim(),
    write: (file, value) => writeFileSync(`${directory}/${file}`, value),
    make(child, { cpus = '0-1', mems = '0' } = {}) {
      mkdirSync(`${directory}/${child}`);
      writeFileSync(`${directory}/${child}/cpuset.cpus`, cpus);
      writeFileSync(`${directory}/${child}/cpuset.mems`, mems);
      return `${name}/${child}`;
    },
    async sleepers(child, number) {
      const script = `i=0; while [ $i -lt ${number} ]; do sleep 1000 & i=$((i+1)); done; echo ready; wait`;
      const shell = await scratch.start(child, script);
      const pids = scratch.tids(child).filter((tid) => tid !== shell.pid);
      // A shell that has forked is not yet what it is about to execute.
      for (const pid of pids) while (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'sleep\n') await delay(1);
      return pids;
    },
    async start(child, script) {
      // Names of cpusets may hold what a shell acts upon.
      const enter = `echo $$ > "$1"; ${script}`;
      const shell = spawn('/bin/sh', ['-c', enter, 'sh', `${directory}/${child}/tasks`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(shell);
      await once(shell.stdout, 'data');
      return shell;
    },
    tids: (child) => readFileSync(`${directory}/${child}/tasks`, 'utf8').split('\n').filter(Boolean).map(Number),
  };
  mkdirSync(directory);
  scratch.write('cpuset.cpus', readFileSync(`${V1}/cpuset.cpus`, 'utf8'));
  scratch.write('cpuset.mems', readFileSync(`${V1}/cpuset.mems`, 'utf8'));
  open.push({ scratch, children });
  return scratch;
}

afterEach(async () => {
  for (const { scratch, children } of open.splice(0)) {
    const groups = below(scratch.directory);
    // All of them were started in here by the test, and nothing else may have entered.
    for (const group of groups) for (const pid of procs(group)) end(pid);
    for (const child of children) if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    for (const group of groups.reverse()) await remove(group);
    forget(scratch);
    rmSync(scratch.folder, { recursive: true, force: true });
  }
});

/** Removes this host's records of what a test has done. */
function forget({ folder, name }: Scratch): void {
  const store = '/run/vfio-isolate';
  for (const file of existsSync(store) ? readdirSync(store) : []) {
    if (!/^(name|run)-/.test(file)) continue;
    const text = readFileSync(`${store}/${file}`, 'latin1');
    if (text.includes(`${folder}/`) || text.includes(`${name}/`)) rmSync(`${store}/${file}`);
  }
}

function below(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const children = readdirSync(directory).map((name) => `${directory}/${name}`);
  return [directory, ...children.filter((path) => statSync(path).isDirectory()).flatMap(below)];
}

function procs(directory: string): number[] {
  return readFileSync(`${directory}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function remove(directory: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      return rmdirSync(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      await delay(20);
    }
  }
  throw new Error(`${directory} stays busy`);
}

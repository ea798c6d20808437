/** Scratch cpusets of the benchmark's own and processes that it started: nothing else of the machine is touched. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const MOUNT = '/sys/fs/cgroup/cpuset';

/** Why it cannot run here, or undefined. */
export function missing() {
  if (process.geteuid() !== 0) return 'it needs root, to make scratch cpusets';
  return existsSync(`${MOUNT}/cpuset.cpus`) ? undefined : `it needs a v1 cpuset hierarchy at ${MOUNT}`;
}

/** The name that the scan looks for. */
const PROGRAM = 'vfio-bench';

/** The C loops, as a program that needs nothing else where `options` say -static. */
export function compileLoops(file, ...options) {
  const source = fileURLToPath(new URL('loops.c', import.meta.url));
  const all = ['-O2', '-Wall', '-Wextra', '-Werror', '-pthread', ...options, '-o', file, source];
  execFileSync('cc', all, { stdio: 'inherit' });
}

export function openScene() {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-bench-'));
  const loops = join(folder, PROGRAM);
  // A guest has no compiler, and finds it beside.
  const built = fileURLToPath(new URL(PROGRAM, import.meta.url));
  if (existsSync(built)) copyFileSync(built, loops);
  else compileLoops(loops);
  const name = `/vfio-isolate-bench-${process.pid}`;
  const cgroups = ['', '/a', '/b'].map((below) => MOUNT + name + below);
  for (const directory of cgroups) {
    mkdirSync(directory);
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      writeFileSync(`${directory}/${file}`, readFileSync(`${MOUNT}/${file}`, 'utf8'));
    }
  }
  let started;

  /** Nanoseconds that a loop took, in milliseconds; and its second number. */
  function loop(...args) {
    const [took, found] = execFileSync(loops, args, { encoding: 'utf8' }).split(' ').map(Number);
    return { took: took / 1e6, found };
  }

  async function end() {
    if (started === undefined) return;
    const ended = once(started, 'exit');
    // Where it could not start them all, it has ended.
    if (started.kill('SIGTERM')) await ended;
    started = undefined;
    for (const directory of cgroups) {
      while (readFileSync(`${directory}/tasks`, 'utf8') !== '') await delay(20);
    }
  }

  return {
    folder,
    name,
    a: `${name}/a`,
    b: `${name}/b`,
    loop,
    program: PROGRAM,
    tids: (cgroup) => readFileSync(`${MOUNT}${cgroup}/tasks`, 'utf8').split('\n').filter(Boolean).map(Number),
    /** Has so many processes in `a`; the one that started them is beside, in the scene's own. */
    async populate(processes, threads) {
      await end();
      const enter = `echo $$ > ${MOUNT}${name}/a/tasks; exec ${loops} spawn ${processes} ${threads}`;
      started = spawn('/bin/sh', ['-c', enter], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [ready] = await Promise.race([once(started.stdout, 'data'), once(started.stdout, 'end')]);
      if (ready === undefined) throw new Error(`${processes} processes could not be started`);
      writeFileSync(`${MOUNT}${name}/tasks`, String(started.pid));
      const wanted = processes * threads;
      for (let tries = 0; this.tids(this.a).length !== wanted; tries++) {
        if (tries > 500) throw new Error(`${this.tids(this.a).length} of ${wanted} tasks came up`);
        await delay(20);
      }
    },
    async close() {
      await end();
      for (const directory of cgroups.reverse()) rmdirSync(directory);
      rmSync(folder, { recursive: true });
    },
  };
}

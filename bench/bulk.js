/** Bulk calls against a C loop over the same tasks, and against what else can do it. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { moveTasks, moveTasksSync, openHost, selectTasks, setAffinities } from '../dist/index.js';
import { compare, takeTurns } from './measure.js';
import { MOUNT } from './scene.js';
import { figureOf, list, thereAndBack, timed } from './turns.js';

const addon = createRequire(import.meta.url)('../build/Release/vfio_isolate.node');
const host = openHost();

/** A figure that stands for itself. */
function took(what, times) {
  return { what, ...compare(times, times, (time) => time * 1000), unit: ' us' };
}

/** What a call pays for leaving the event loop free, whatever it does: two threads are woken. */
const pool = {
  run: () =>
    timed(() =>
      addon.selectTasks({ tids: new Int32Array(0), threads: false, proc: '/proc', control: new Int32Array(2) }),
    ),
};

/** Which of the others are there. */
function installed(program) {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What moves all tasks of one cgroup to the other, there and back by turns. */
function movers(scene) {
  const turn = thereAndBack(scene);
  const shell = (line) => timed(() => execFileSync('/bin/sh', ['-c', line]));
  return {
    ours: turn((from, to) => timed(() => moveTasks(host, { cgroup: from }, to))),
    again: turn((from, to) => timed(() => moveTasks(host, { cgroup: from }, to))),
    sync: turn((from, to) => timed(() => moveTasksSync(host, { cgroup: from }, to))),
    c: turn(async (from, to) => scene.loop('move', list(from), list(to)).took),
    fs: turn((from, to) =>
      timed(() => {
        const fd = openSync(list(to), 'w');
        for (const tid of scene.tids(from)) writeSync(fd, String(tid));
        closeSync(fd);
      }),
    ),
    shell: turn((from, to) => shell(`for tid in $(cat ${list(from)}); do echo $tid > ${list(to)}; done`), 3),
    ...(installed('cgclassify') && {
      cgclassify: turn((from, to) => shell(`xargs -n 200 cgclassify -g cpuset:${to} < ${list(from)}`), 3),
    }),
    ...(installed('cset') && {
      cset: turn((from, to) => shell(`cset proc --move --fromset=${from} --toset=${to} --force`), 3),
    }),
  };
}

const SHAPES = [
  { processes: 100, threads: 1, rounds: 101, bar: 100, difference: true },
  { processes: 2000, threads: 1, rounds: 41, bar: 1.05 },
  { processes: 200, threads: 20, rounds: 31, bar: 1.05 },
  { processes: 20_000, threads: 1, rounds: 9, bar: 1.05, few: true },
];

export async function* moves(scene) {
  for (const { processes, threads, rounds, bar, difference, few } of SHAPES) {
    await scene.populate(processes, threads);
    const all = movers(scene);
    const { ours, again, sync, c } = all;
    const others = few ? { ours, again, sync, c } : all;
    const times = await takeTurns(difference ? { ...others, pool } : others, rounds);
    const what = `moveTasks of ${processes} x ${threads}`;
    yield figureOf(`${what}, against C`, times, ['ours', 'c'], { bar, difference });
    yield figureOf(`moveTasksSync of ${processes} x ${threads}, against C`, times, ['sync', 'c', 'ours'], {
      difference,
    });
    if (difference) yield took('to a thread of the pool and back, with nothing to do', times.pool);
    for (const other of Object.keys(times).filter((name) => !['ours', 'again', 'sync', 'c', 'pool'].includes(name))) {
      yield figureOf(`${what}, against ${other}`, times, ['ours', other]);
    }
  }
}

export async function* recordedMoves(scene) {
  await scene.populate(2000, 1);
  const file = `${scene.folder}/record`;
  const turn = thereAndBack(scene, () => rmSync(file, { force: true }));
  const ours = turn(async (from, to) => {
    const hierarchy = new addon.Directory(MOUNT);
    const fd = openSync(file, 'w+', 0o600);
    const record = { fd, offset: 0, limit: 2 ** 25, members: '"type":"moved"' };
    const call = {
      hierarchy,
      version: 1,
      proc: '/proc',
      from: from.slice(1),
      to: to.slice(1),
      record,
      leave: ['kswapd'],
    };
    const took = await timed(() => addon.moveTasks({ ...call, control: new Int32Array(2) }));
    closeSync(fd);
    hierarchy.close();
    return took;
  });
  const c = turn(async (from, to) => scene.loop('record', list(from), list(to), file).took);
  const times = await takeTurns({ ours, again: ours, c }, 41);
  yield figureOf('recorded move of 2000 x 1, against C', times, ['ours', 'c'], { bar: 1.2 });
}

export async function* affinities(scene) {
  await scene.populate(2000, 1);
  const list = `${MOUNT}${scene.a}/tasks`;
  const [online] = [[0, 1].filter((cpu) => readFileSync(`${MOUNT}/cpuset.cpus`, 'utf8').includes(String(cpu)))];
  const mask = online.reduce((sum, cpu) => sum + 2 ** cpu, 0).toString(16);
  const ours = { run: () => timed(() => setAffinities(host, { cgroup: scene.a }, online)) };
  const times = await takeTurns(
    {
      ours,
      again: ours,
      c: { run: async () => scene.loop('affinity', list, mask).took },
      taskset: {
        rounds: 3,
        run: () =>
          timed(() =>
            execFileSync('/bin/sh', ['-c', `for tid in $(cat ${list}); do taskset -p ${mask} $tid; done`], {
              stdio: 'ignore',
            }),
          ),
      },
    },
    41,
  );
  yield figureOf('setAffinities of 2000 x 1, against C', times, ['ours', 'c']);
  yield figureOf('setAffinities of 2000 x 1, against taskset', times, ['ours', 'taskset']);
}

export async function* scans(scene) {
  await scene.populate(2000, 1);
  const ours = {
    async run() {
      let found;
      const took = await timed(async () => {
        found = await selectTasks(host, { name: scene.program });
      });
      if (found.length < 2000) throw new Error(`${found.length} of 2000 tasks were found`);
      return took;
    },
  };
  const c = { run: async () => scene.loop('scan', scene.program).took };
  const times = await takeTurns({ ours, again: ours, c }, 41);
  yield figureOf('selectTasks by name among 2000, against C', times, ['ours', 'c'], { bar: 1.2 });
}

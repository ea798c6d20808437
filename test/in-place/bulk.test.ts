/** The library's bulk calls, both forms of each, in scratch cpusets and on processes of their own. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  moveTasks,
  moveTasksSync,
  openHost,
  selectTasks,
  selectTasksSync,
  setAffinities,
  setAffinitiesSync,
  type TaskFilter,
} from '../../lib/index.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';

const host = openHost();
const FINE = { gone: 0, refused: [], unsettled: false };
const sorted = (tids: Iterable<number>) => [...tids].sort((a, b) => a - b);
const maskOf = (tid: number) => /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync(`/proc/${tid}/status`, 'utf8'))?.[1];

/** Both forms of a call must do the same. */
const moves = [
  ['moveTasks', moveTasks],
  ['moveTasksSync', async (...args: Parameters<typeof moveTasksSync>) => moveTasksSync(...args)],
] as const;
const settings = [
  ['setAffinities', setAffinities],
  ['setAffinitiesSync', async (...args: Parameters<typeof setAffinitiesSync>) => setAffinitiesSync(...args)],
] as const;

describe.skipIf(notInPlace)(`bulk calls, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  const cgroup = () => `${scratch.name}/from`;
  const open = () => {
    scratch = openScratch();
    scratch.make('from');
    scratch.make('to');
  };
  const select = async (filter: TaskFilter) => {
    const selected = await selectTasks(host, { cgroup: cgroup(), ...filter });
    expect(selectTasksSync(host, { cgroup: cgroup(), ...filter })).toEqual(selected);
    return [...selected];
  };

  describe('selecting', () => {
    test('takes what is asked for by name, kind, user and CPUs, and nothing else', async () => {
      open();
      const sleepers = await scratch.sleepers('from', 3);
      const [first = 0, second = 0] = sleepers;
      const all = scratch.tids('from');
      execFileSync('taskset', ['-p', '-c', '1', String(first)]);
      expect(await select({})).toEqual(all);
      expect(await select({ name: 'sleep' })).toEqual(sleepers);
      expect(await select({ name: ['sh', 'none'] })).toEqual(all.filter((tid) => !sleepers.includes(tid)));
      expect(await select({ nameStartsWith: 'sl' })).toEqual(sleepers);
      expect(await select({ name: 'slee' })).toEqual([]);
      expect(await select({ name: 'sleep', kernelThread: false })).toEqual(sleepers);
      expect(await select({ kernelThread: true })).toEqual([]);
      expect(await select({ user: 0 })).toEqual(all);
      expect(await select({ user: 65_534 })).toEqual([]);
      expect(await select({ affinity: [1] })).toEqual([first]);
      expect(await select({ affinity: [0, 1], name: 'sleep' })).toEqual(sleepers.slice(1));
      expect(await select({ mayRunOn: [0], name: 'sleep' })).toEqual(sleepers.slice(1));
      expect(await select({ mayRunOn: [1], name: 'sleep' })).toContain(second);
    });

    test('of a user goes by the effective one', async () => {
      open();
      const uid = 1_234_568;
      const started = await scratch.start('from', `setpriv --euid ${uid} sleep 1000 & echo ready; wait`);
      const [pid = 0] = scratch.tids('from').filter((tid) => tid !== started.pid);
      while (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'sleep\n') await new Promise(setImmediate);
      expect(await select({ user: uid })).toEqual([pid]);
      expect(await select({ user: 0 })).not.toContain(pid);
    });

    test("of the whole host holds one's own, and kernel threads only where they are asked for", async () => {
      open();
      const sleepers = await scratch.sleepers('from', 2);
      expect([...(await selectTasks(host, { name: 'sleep' }))]).toEqual(expect.arrayContaining(sleepers));
      const kernel = selectTasksSync(host, { kernelThread: true });
      expect(kernel).toContain(2);
      expect(kernel).not.toContain(process.pid);
    });

    test('of threads looks at each for itself', async () => {
      open();
      // Node's workers have names of their own.
      const threads = await selectTasks(host, { threads: true, user: 0, kernelThread: false });
      expect(threads).toContain(process.pid);
      expect(threads.length).toBeGreaterThan((await selectTasks(host, { user: 0, kernelThread: false })).length);
    });

    test('reads no file that the filter does not need', () => {
      open();
      const read = (filter: string) => {
        const script = `
          const { openHost, selectTasksSync } = await import('${new URL('../../dist/index.js', import.meta.url)}');
          const host = openHost();
          selectTasksSync(host, { cgroup: '/' });
          require('node:fs').readFileSync('/dev/null');
          selectTasksSync(host, ${filter});`;
        const log = `${scratch.folder}/strace`;
        const traced = ['-o', log, '-e', 'trace=openat,sched_getaffinity', 'node', '-e', `(async () => {${script}})()`];
        execFileSync('strace', traced);
        const [, after = ''] = readFileSync(log, 'utf8').split('"/dev/null"');
        const own = after.match(/openat\(\d+, "\d+\/\w+"|sched_getaffinity\([1-9]/g) ?? [];
        return [...new Set(own.map((call) => call.replace(/.*"\d+\/|"$/g, '').replace(/\(.*/, '')))];
      };
      expect(read('{}')).toEqual([]);
      expect(read(`{ name: 'sh' }`)).toEqual(['comm']);
      expect(read('{ kernelThread: false }')).toEqual(['stat']);
      expect(read(`{ kernelThread: false, name: 'node' }`)).toEqual(['stat']);
      expect(read('{ user: 0 }')).toEqual(['status']);
      expect(read('{ affinity: [0] }')).toEqual(['sched_getaffinity']);
      expect(read('{ threads: true }')).toEqual(['task']);
    });

    test('finds the hierarchy again where it was moved meanwhile', () => {
      open();
      const there = `${scratch.folder}/elsewhere`;
      const script = `(async () => {
        const { openHost, selectTasksSync } = await import('${new URL('../../dist/index.js', import.meta.url)}');
        const host = openHost();
        const count = () => selectTasksSync(host, { cgroup: '/' }).length;
        const before = count();
        const { execFileSync } = require('node:child_process');
        execFileSync('mkdir', ['${there}']);
        execFileSync('mount', ['--move', '/sys/fs/cgroup/cpuset', '${there}']);
        console.log(before > 0 && count() > 0);
      })()`;
      const inOwn = ['--mount', '--propagation', 'private', process.execPath, '-e', script];
      expect(execFileSync('unshare', inOwn, { encoding: 'utf8' })).toBe('true\n');
    });

    test.each<[object, RegExp]>([
      [{ name: [] }, /a list of task names is empty/],
      [{ user: -1 }, /-1 is no user ID/],
      [{ user: 1.5 }, /1.5 is no user ID/],
      [{ affinity: [] }, /no CPU of "" is online/],
      [{ mayRunOn: [1_000_000] }, /not within|is online/],
      [{ cgroup: '/no/../such' }, /contains "\.\."/],
      [{ cgroup: '/vfio-isolate-none' }, /ENOENT/],
    ])('%j is refused', async (filter, message) => {
      await expect(selectTasks(host, filter)).rejects.toThrow(message);
      expect(() => selectTasksSync(host, filter)).toThrow(message);
    });
  });

  describe.each(moves)('%s', (_, move) => {
    test('empties a cgroup', async () => {
      open();
      await scratch.sleepers('from', 20);
      const tids = scratch.tids('from');
      expect(await move(host, { cgroup: cgroup() }, `${scratch.name}/to`)).toEqual({ ...FINE, done: 21 });
      expect(scratch.tids('from')).toEqual([]);
      expect(scratch.tids('to')).toEqual(tids);
    });

    test('takes the tasks that are named, and tells how many had exited', async () => {
      open();
      const [first = 0, second = 0] = await scratch.sleepers('from', 2);
      const tids = [first, 2 ** 22 + 1];
      expect(await move(host, { tids }, `${scratch.name}/to`)).toEqual({ ...FINE, done: 1, gone: 1 });
      expect(scratch.tids('to')).toEqual([first]);
      expect(scratch.tids('from')).toContain(second);
    });

    test('takes those that a filter selects', async () => {
      open();
      const sleepers = await scratch.sleepers('from', 5);
      const filter = { cgroup: cgroup(), name: 'sleep' };
      expect(await move(host, { filter }, `${scratch.name}/to`)).toEqual({ ...FINE, done: 5 });
      expect(scratch.tids('to')).toEqual(sleepers);
      expect(scratch.tids('from')).toHaveLength(1);
    });

    test('leaves none behind of those that are born meanwhile', async () => {
      open();
      await scratch.start('from', 'echo ready; while :; do sleep 0.02 & sleep 0.01; done');
      const filter = { cgroup: cgroup() };
      await move(host, { filter }, `${scratch.name}/to`);
      expect(scratch.tids('from')).toEqual([]);
    });

    test('names each task that the kernel does not move, and why', async () => {
      open();
      const sleepers = await scratch.sleepers('from', 2);
      scratch.make('empty', { cpus: '', mems: '' });
      const result = await move(host, { tids: sleepers }, `${scratch.name}/empty`);
      expect(result).toMatchObject({ done: 0, gone: 0, unsettled: false });
      expect(result.refused).toEqual(
        sleepers.map((tid) => ({ tid, comm: 'sleep', code: 'ENOSPC', reason: expect.stringMatching(/no CPUs/) })),
      );
      expect(scratch.tids('from')).toEqual(expect.arrayContaining(sleepers));
    });

    test.each<[object, string, RegExp]>([
      [{ tids: [0] }, '/to', /0 is no TID/],
      [{ tids: [1.5] }, '/to', /1.5 is no TID/],
      [{ cgroup: '/from' }, '/from', /are the same/],
      [{ cgroup: '/from' }, '/none', /ENOENT/],
      [{ cgroup: '/none' }, '/to', /ENOENT/],
    ])('%j to %s is refused', async (source, to, message) => {
      open();
      const full = 'cgroup' in source ? { cgroup: `${scratch.name}${source.cgroup}` } : source;
      await scratch.sleepers('from', 1);
      await expect(move(host, full as never, scratch.name + to)).rejects.toThrow(message);
    });
  });

  describe.each(settings)('%s', (_, set) => {
    test('has every thread of a cgroup on these CPUs', async () => {
      open();
      await scratch.sleepers('from', 10);
      expect(await set(host, { cgroup: cgroup() }, [1])).toEqual({ ...FINE, done: 11 });
      expect(scratch.tids('from').map(maskOf)).toEqual(Array(11).fill('1'));
    });

    test('has those that are named, and those that a filter selects', async () => {
      open();
      const [first = 0, second = 0, third = 0] = await scratch.sleepers('from', 3);
      expect(await set(host, { tids: [first] }, [0])).toEqual({ ...FINE, done: 1 });
      expect(await set(host, { tids: [second, 2 ** 22 + 1], threads: true }, [0])).toEqual({
        ...FINE,
        done: 1,
        gone: 1,
      });
      expect([first, second, third].map(maskOf)).toEqual(['0', '0', '0-1']);
      const filter = { cgroup: cgroup(), name: 'sleep', affinity: [0] };
      expect(await set(host, { filter }, [1])).toEqual({ ...FINE, done: 2 });
      expect([first, second, third].map(maskOf)).toEqual(['1', '1', '0-1']);
    });

    test('has every thread of a process, not its first one alone', async () => {
      open();
      const code =
        'new (require("node:worker_threads").Worker)("setInterval(() => {}, 1e6)", { eval: true }); setTimeout(() => console.log("up"), 300)';
      const node = await scratch.start('from', `exec ${process.execPath} -e '${code}'`);
      const pid = node.pid ?? 0;
      const threads = scratch.tids('from');
      expect(threads.length).toBeGreaterThan(5);
      expect(await set(host, { tids: [pid] }, [1])).toEqual({ ...FINE, done: threads.length });
      expect(threads.map(maskOf)).toEqual(threads.map(() => '1'));
      const filter = { cgroup: cgroup(), name: 'node' };
      expect(await set(host, { filter }, [0])).toEqual({ ...FINE, done: threads.length });
      expect(threads.map(maskOf)).toEqual(threads.map(() => '0'));
    });

    test('names each task that the kernel refuses, and why', async () => {
      open();
      scratch.make('narrow', { cpus: '0' });
      const sleepers = await scratch.sleepers('narrow', 2);
      const result = await set(host, { tids: sleepers }, [1]);
      const reason = 'its cpuset allows only CPUs 0';
      expect(result.refused).toEqual(sleepers.map((tid) => ({ tid, comm: 'sleep', code: 'EINVAL', reason })));
      expect(result.done).toBe(0);
    });

    test('needs some CPU', async () => {
      await expect(set(host, { tids: [] }, [])).rejects.toThrow(/set of CPUs is empty/);
    });
  });

  test('progress counts up to all tasks', async () => {
    open();
    await scratch.sleepers('from', 50);
    const seen: number[] = [];
    await moveTasks(host, { cgroup: cgroup() }, `${scratch.name}/to`, { onProgress: (tasks) => seen.push(tasks) });
    expect(seen.at(-1)).toBe(51);
    expect(sorted(seen)).toEqual(seen);
  });

  test('an abort stops a move between two tasks: what has moved stays, and the rest too', async () => {
    open();
    await scratch.sleepers('from', 300);
    const before = scratch.tids('from');
    const aborting = new AbortController();
    const moving = moveTasks(host, { cgroup: cgroup() }, `${scratch.name}/to`, { signal: aborting.signal });
    aborting.abort(new Error('enough'));
    await expect(moving).rejects.toMatchObject({ code: 'ABORT_ERR', cause: new Error('enough') });
    expect(sorted([...scratch.tids('from'), ...scratch.tids('to')])).toEqual(sorted(before));
    expect(scratch.tids('from').length).toBeGreaterThan(0);
  });

  test('what is aborted already does nothing', async () => {
    open();
    const sleepers = await scratch.sleepers('from', 2);
    const signal = AbortSignal.abort();
    await expect(moveTasks(host, { tids: sleepers }, `${scratch.name}/to`, { signal })).rejects.toThrow(
      'stopped after 0',
    );
    await expect(setAffinities(host, { tids: sleepers }, [1], { signal })).rejects.toThrow('stopped after 0');
    expect(scratch.tids('to')).toEqual([]);
  });

  test('the event loop goes on meanwhile', async () => {
    open();
    await scratch.sleepers('from', 300);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const moving = moveTasks(host, { cgroup: cgroup() }, `${scratch.name}/to`).finally(() => clearInterval(timer));
    let isDone = false;
    moving.then(() => {
      isDone = true;
    });
    await new Promise(setImmediate);
    expect(isDone).toBe(false);
    await moving;
  });
});

test('a tree that stands in for a host has no tasks of its own', () => {
  const host = openHost({ sys: '/nonexistent', proc: '/nonexistent' });
  expect(() => selectTasksSync(host, {})).toThrow(/none of the running host/);
});

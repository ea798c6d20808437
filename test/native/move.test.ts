/** Moves without a record, in scratch cpusets and of processes of their own. */
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { type MoveRequest, type MoveResult, newControl } from '../../lib/native.js';
import { notInPlace } from '../support/scratch.js';
import { addon, inChild, strace } from './addon.js';
import { HIERARCHY, startOf, threadsOf, useScene } from './scene.js';

const [EBUSY, EINVAL, ENOSPC, ENODEV, ESRCH] = [-16, -22, -28, -19, -3];
const PF_KTHREAD = 0x00200000;
const FINE = { gone: 0, cancelled: false, unsettled: false, refused: [], left: [], offset: 0 };
const NOBODY = 2 ** 22 + 1; // beyond the largest pid_max

/** The same call in a child, so that strace can look at it or inject a fault. */
const MOVE = `
  const hierarchy = new addon.Directory('${HIERARCHY}');
  const { tid, start, ...request } = JSON.parse(args[0]);
  const tasks = tid && { tid: Int32Array.from(tid), start: Float64Array.from(start, (one) => one ?? NaN) };
  return addon.moveTasks({ ...request, tasks, hierarchy, version: 1, proc: '/proc', control: new Int32Array(2) });`;

describe.skipIf(notInPlace)(`moveTasks, in place (${notInPlace ?? 'v1'})`, () => {
  const scene = useScene();
  const list = () => `${scene.now.scratch.directory}/to/tasks`;
  const log = () => `${scene.now.scratch.folder}/strace`;
  const move = (more?: Partial<MoveRequest>) => addon.moveTasks(scene.now.request(more));
  const moveTraced = (request: object, ...options: string[]): { result: MoveResult; writes: string[] } => {
    const paths = ['-P', list(), '-P', list().replace(/tasks$/, 'cgroup.procs')];
    const wrapper = strace(log(), 'pwrite64', ...paths, ...options);
    const { from, to } = scene.now;
    const result = inChild<MoveResult>(
      MOVE,
      [JSON.stringify('tid' in request ? { to, ...request } : { from, to, ...request })],
      wrapper,
    );
    return { result, writes: readFileSync(log(), 'utf8').match(/pwrite64\(.*/g) ?? [] };
  };

  /** A process of two threads. @returns the PID of the one that started it, and its own */
  const startOne = async (): Promise<[leader: number, pid: number]> => {
    const leader = await scene.now.start('processes', '1', '2');
    const [pid = 0] = scene.now.processes('from').filter((one) => one !== leader);
    return [leader, pid];
  };

  describe('all tasks of a cgroup', () => {
    test('1,000 processes', async () => {
      await scene.now.start('processes', '1000', '1');
      const tids = scene.now.tids('from');
      const request = scene.now.request();
      expect(await addon.moveTasks(request)).toEqual({ ...FINE, moved: 1001, passes: 2 });
      expect(scene.now.tids('from')).toEqual([]);
      expect(scene.now.tids('to')).toEqual(tids);
      expect(request.control[1]).toBe(1001);
    });

    test('none', async () => {
      expect(await move()).toEqual({ ...FINE, moved: 0, passes: 1 });
    });

    test('whole processes go by one write each, and their threads are counted', async () => {
      await scene.now.start('processes', '10', '5');
      const { result, writes } = moveTraced({});
      expect(result).toEqual({ ...FINE, moved: 51, passes: 2 });
      expect(writes).toHaveLength(11);
      expect(scene.now.tids('to')).toHaveLength(51);
    });

    test('of a process only partly there, just the threads that are', async () => {
      const leader = await scene.now.start('processes', '3', '4');
      const [first = 0, second = 0, third = 0] = scene.now.processes('from').filter((pid) => pid !== leader);
      // The first lends one of its threads, the second its leader; the third is whole.
      const [, lent = 0] = threadsOf(first);
      scene.now.put(lent, 'elsewhere');
      scene.now.put(second, 'elsewhere');
      expect(await move()).toEqual({ ...FINE, moved: 11, passes: 2 });
      expect(scene.now.tids('elsewhere').sort()).toEqual([lent, second].sort());
      expect(scene.now.tids('to')).toEqual(expect.arrayContaining(threadsOf(third)));
      expect(scene.now.tids('from')).toEqual([]);
    });

    test('a leader whose other threads are elsewhere goes alone', async () => {
      const [leader, pid] = await startOne();
      const [, lent = 0] = threadsOf(pid);
      scene.now.put(lent, 'elsewhere');
      expect(await move()).toEqual({ ...FINE, moved: 2, passes: 2 });
      expect(scene.now.tids('to')).toEqual([leader, pid].sort());
      expect(scene.now.tids('elsewhere')).toEqual([lent]);
    });

    test('forking while they are moved leaves none behind', async () => {
      for (let turn = 0; turn < 5; turn++) {
        await scene.now.start('storm', '0.6');
        let settled: MoveResult;
        do settled = await move();
        while (settled.unsettled);
        await delay(700);
        expect(scene.now.tids('from')).toEqual([]);
        expect(scene.now.tids('to').length).toBeGreaterThan(10);
        expect(settled).toMatchObject({ cancelled: false, refused: [] });
      }
    });

    test('a zombie makes no endless passes', async () => {
      await scene.now.start('zombie');
      const result = await move();
      expect(result.passes).toBeLessThan(6);
      expect(result).toMatchObject({ moved: 1, unsettled: false, refused: [] });
    });

    test('a task that is always back is given up and named', async () => {
      const pid = await scene.now.start('processes', '0', '1');
      // The kernel is said to have taken it, which it has not.
      const { result, writes } = moveTraced({}, '-e', `inject=pwrite64:retval=${String(pid).length}`);
      expect(result).toMatchObject({ moved: 0, gone: 0, unsettled: false, refused: [{ tid: pid, errno: -11 }] });
      expect(writes).toHaveLength(3);
    });

    test('is the same as no tasks where the destination is the source: the passes are bounded', async () => {
      await scene.now.start('processes', '3', '1');
      const result = await move({ to: scene.now.from });
      expect(result).toMatchObject({ moved: 0, unsettled: false });
      expect(result.refused).toHaveLength(4);
    });

    test('a source or destination that is not there', async () => {
      await scene.now.start('processes', '1', '1');
      await expect(move({ from: `${scene.now.from}/no` })).rejects.toMatchObject({
        code: 'ENOENT',
        path: `${HIERARCHY}/${scene.now.from}/no/tasks`,
      });
      await expect(move({ to: `${scene.now.to}/no` })).rejects.toMatchObject({
        code: 'ENOENT',
        path: `${HIERARCHY}/${scene.now.to}/no/tasks`,
      });
      await expect(move({ to: '../../etc' })).rejects.toMatchObject({ code: 'EXDEV' });
    });
  });

  describe('tasks by name', () => {
    test('processes, whole', async () => {
      const leader = await scene.now.start('processes', '4', '3');
      const pids = scene.now.processes('from');
      const some = pids.filter((pid) => pid !== leader).slice(0, 2);
      const { from: _, ...request } = scene.now.request();
      const result = await addon.moveTasks({
        ...request,
        tasks: { tid: Int32Array.from(some), start: Float64Array.from(some, startOf) },
      });
      expect(result).toEqual({ ...FINE, moved: 6, passes: 1 });
      expect(scene.now.tids('to').sort()).toEqual(some.flatMap(threadsOf).sort());
    });

    test('single threads', async () => {
      const leader = await scene.now.start('processes', '1', '5');
      const [pid = 0] = scene.now.processes('from').filter((one) => one !== leader);
      const some = threadsOf(pid).slice(1, 3);
      const { from: _, ...request } = scene.now.request();
      const tasks = { tid: Int32Array.from(some), start: new Float64Array(2).fill(Number.NaN) };
      expect(await addon.moveTasks({ ...request, tasks, threads: true })).toEqual({ ...FINE, moved: 2, passes: 1 });
      expect(scene.now.tids('to')).toEqual(some);
    });

    test('a reused TID is left alone, as is one that is gone', async () => {
      const pid = await scene.now.start('processes', '0', '1');
      const { from: _, ...request } = scene.now.request();
      const tasks = { tid: Int32Array.of(pid, NOBODY), start: Float64Array.of(startOf(pid) - 1, Number.NaN) };
      expect(await addon.moveTasks({ ...request, tasks })).toEqual({ ...FINE, moved: 0, gone: 2, passes: 1 });
      expect(scene.now.tids('from')).toEqual([pid]);
    });
  });

  describe('what the kernel answers', () => {
    test.each([
      ['EBUSY', 'error=EBUSY:when=1..3'],
      ['EINVAL', 'error=EINVAL:when=2..4'],
      ['EINTR', 'error=EINTR:when=1..4'],
    ])('%s that passes is tried again', async (_error, fault) => {
      await scene.now.start('processes', '9', '1');
      const { result } = moveTraced({}, '-e', `inject=pwrite64:${fault}`);
      expect(result).toEqual({ ...FINE, moved: 10, passes: 2 });
    });

    test.each([
      ['EBUSY', EBUSY],
      ['EINVAL', EINVAL],
    ])('%s that stays is a refusal, after five more tries', async (error, errno) => {
      const pid = await scene.now.start('processes', '0', '1');
      const { result, writes } = moveTraced({}, '-e', `inject=pwrite64:error=${error}`);
      expect(result).toMatchObject({ moved: 0, passes: 2, refused: [{ tid: pid, errno, flags: expect.any(Number) }] });
      expect(result.refused[0]?.comm).toMatch(/^vfio-isolate/);
      expect(writes).toHaveLength(6);
    });

    test('ESRCH is a task that is gone', async () => {
      await scene.now.start('processes', '4', '1');
      const { result } = moveTraced({}, '-e', 'inject=pwrite64:error=ESRCH:when=1..2');
      // They were not really gone: the next pass finds them.
      expect(result).toEqual({ ...FINE, moved: 5, passes: 3 });
    });

    test.each(['EACCES', 'EPERM', 'EOPNOTSUPP', 'ENOMEM'])(
      '%s of one task is its refusal, and the others go',
      async (error) => {
        await scene.now.start('processes', '30', '1');
        const { result } = moveTraced({}, '-e', `inject=pwrite64:error=${error}:when=7`);
        expect(result).toMatchObject({ moved: 30, passes: 2, refused: [{ errno: expect.any(Number) }] });
        expect(scene.now.tids('from')).toEqual([result.refused[0]?.tid]);
      },
    );

    test('a destination without CPUs refuses all: each is named, few are tried', async () => {
      await scene.now.start('processes', '99', '1');
      const tids = scene.now.tids('from');
      scene.now.scratch.write('to/cpuset.mems', '\n');
      const { result, writes } = moveTraced({});
      expect(result).toMatchObject({ moved: 0, passes: 1 });
      expect(result.refused.map(({ tid }) => tid)).toEqual(tids);
      for (const { errno, comm } of result.refused)
        expect([errno, comm]).toEqual([ENOSPC, expect.stringMatching(/^vfio/)]);
      expect(writes).toHaveLength(16);
    });

    test('a destination that is being removed refuses all at once', async () => {
      await scene.now.start('processes', '49', '1');
      const { result, writes } = moveTraced({}, '-e', 'inject=pwrite64:error=ENODEV');
      expect(result.refused.map(({ errno }) => errno)).toEqual(Array(50).fill(ENODEV));
      expect(writes).toHaveLength(1);
    });

    test('a passing EBUSY of the whole destination is waited for', async () => {
      await scene.now.start('processes', '99', '1');
      const { result } = moveTraced({}, '-e', 'inject=pwrite64:error=EBUSY:when=1..20');
      expect(result).toEqual({ ...FINE, moved: 100, passes: 2 });
    });
  });

  describe('cancelling', () => {
    test('before the first task', async () => {
      await scene.now.start('processes', '3', '1');
      expect(await move({ control: Int32Array.of(1, 0) })).toMatchObject({ moved: 0, cancelled: true });
      expect(scene.now.tids('from')).toHaveLength(4);
    });

    test('under way: what was moved is counted, nothing more is', async () => {
      await scene.now.start('processes', '1000', '1');
      const request = scene.now.request();
      const moving = addon.moveTasks(request);
      while ((request.control[1] ?? 0) < 10) await delay(0);
      request.control[0] = 1;
      const result = await moving;
      expect(scene.now.tids('to')).toHaveLength(result.moved);
      expect(scene.now.tids('from')).toHaveLength(1001 - result.moved);
      if (result.moved < 1001) expect(result.cancelled).toBe(true);
    });
  });

  test('the hierarchy may be closed while the call runs', async () => {
    await scene.now.start('processes', '200', '1');
    const hierarchy = new addon.Directory(HIERARCHY);
    const moving = move({ hierarchy });
    hierarchy.close();
    expect(await moving).toMatchObject({ moved: 201 });
  });

  test('kernel threads of a name are left where they are, here of the root', async () => {
    // Nobody's task is moved: a cpuset without memory takes none, and a fault stands in for every write besides.
    scene.now.scratch.write('to/cpuset.mems', '\n');
    const { result } = moveTraced({ from: '', leave: ['kswapd', 'kcompactd'] }, '-e', 'inject=pwrite64:error=ENODEV');
    const left = result.left.map(({ comm }) => comm);
    expect(left.sort()).toEqual(kernelThreads().filter((comm) => /^(kswapd|kcompactd)/.test(comm)));
    expect(left.length).toBeGreaterThan(0);
    for (const { errno, flags } of result.left) expect([errno, flags & PF_KTHREAD]).toEqual([0, PF_KTHREAD]);
    expect(result.refused.filter(({ comm }) => left.includes(comm))).toEqual([]);
    expect(result.moved).toBe(0);
  });
});

describe('moveTasks in a tree that stands in for a host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('never writes 0, which would move the caller, and counts what is dying as gone', async () => {
    const stat = (state: string, flags: number): string =>
      `7 (x) ${state} 1 1 1 0 -1 ${flags} 0 0 0 0 0 0 0 0 20 0 1 0 77 0`;
    for (const path of ['from', 'foreign', 'to', 'proc/7', 'proc/8'])
      mkdirSync(join(folder, path), { recursive: true });
    // 0 is a task of another PID namespace, 7 is exiting, 8 a zombie.
    for (const list of ['tasks', 'cgroup.procs']) {
      writeFileSync(join(folder, 'from', list), '0\n7\n8\n');
      writeFileSync(join(folder, 'foreign', list), '0\n');
    }
    writeFileSync(join(folder, 'to/tasks'), '');
    writeFileSync(join(folder, 'proc/7/stat'), stat('R', 4));
    writeFileSync(join(folder, 'proc/8/stat'), stat('Z', 0));
    const hierarchy = new addon.Directory(folder);
    const proc = join(folder, 'proc');
    const request = { hierarchy, version: 1 as const, proc, from: 'from', to: 'to', control: newControl() };
    const refused = [{ tid: 0, errno: ESRCH, flags: 0, comm: '' }];
    expect(await addon.moveTasks({ ...request, from: 'foreign' })).toMatchObject({ moved: 0, gone: 0, refused });
    expect(readFileSync(join(folder, 'to/tasks'), 'utf8')).toBe('');
    expect(await addon.moveTasks(request)).toMatchObject({ moved: 0, gone: 2, unsettled: false, refused });
    expect(readFileSync(join(folder, 'to/tasks'), 'utf8')).toBe('8');
  });

  /** Listed tasks whose /proc/TID/cgroup is that, or is gone; for a record, so that their origin is asked for. */
  async function recorded(tid: number, state: string, flags: number, cgroup?: string): Promise<MoveResult> {
    const proc = join(folder, `proc-${tid}`);
    mkdirSync(join(proc, `${tid}`), { recursive: true });
    mkdirSync(join(folder, 'to'), { recursive: true });
    for (const list of ['tasks', 'cgroup.procs']) writeFileSync(join(folder, 'to', list), '');
    writeFileSync(join(proc, `${tid}/stat`), `${tid} (x) ${state} 1 1 1 0 -1 ${flags} ${'0 '.repeat(10)}1 0 77 0`);
    if (cgroup !== undefined) writeFileSync(join(proc, `${tid}/cgroup`), `3:cpuset:${cgroup}\n`);
    const fd = openSync(join(folder, `record-${tid}`), 'w+');
    try {
      return await addon.moveTasks({
        ...{ hierarchy: new addon.Directory(folder), version: 1, proc, to: 'to', control: newControl() },
        tasks: { tid: Int32Array.of(tid), start: Float64Array.of(Number.NaN) },
        record: { fd, offset: 0, limit: 4096, members: '"type":"moved"' },
      });
    } finally {
      closeSync(fd);
    }
  }
  const PF_EXITING = 4;

  test('a listed task that is gone when its cgroup is asked for has exited', async () => {
    expect(await recorded(21, 'R', 0)).toMatchObject({ moved: 0, gone: 1, refused: [], offset: 0 });
  });

  test('so has one that is exiting from a cgroup that was removed', async () => {
    const removed = '/a (deleted)';
    expect(await recorded(22, 'R', PF_EXITING, removed)).toMatchObject({ moved: 0, gone: 1, refused: [], offset: 0 });
    expect(await recorded(23, 'R', 0, removed)).toMatchObject({ moved: 1, gone: 0, refused: [] });
  });
});

/** Names in the root of the hierarchy, sorted. */
function kernelThreads(): string[] {
  const tids = readFileSync(`${HIERARCHY}/tasks`, 'utf8').split('\n').filter(Boolean);
  const stats = tids.map((tid) => (existsSync(`/proc/${tid}`) ? readFileSync(`/proc/${tid}/stat`, 'utf8') : ''));
  return stats.map((stat) => stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))).sort();
}

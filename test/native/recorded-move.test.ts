/** Moves with a record: what is written, and that it is on disk before anything moves. */
import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { BEYOND_LIMIT, type MoveRequest, type MoveResult } from '../../lib/native.js';
import { notInPlace } from '../support/scratch.js';
import { type Answer, addon, inChild, strace } from './addon.js';
import { HIERARCHY, startOf, threadsOf, useScene } from './scene.js';

const MEMBERS = '"type":"moved","step":3';
const HEAD = 'head\n';
const LIMIT = 1024 * 1024;
const NOBODY = 2 ** 22 + 1; // beyond the largest pid_max

/** One task is said to be gone, and is found again by the next pass. The first write is the record's. */
const LEFT_BEHIND = 'inject=pwrite64:error=ESRCH:when=4';

interface Batch {
  readonly from: string;
  readonly processes: [pid: number, start: number][];
  readonly threads: [tid: number, start: number][];
}

const MOVE = `
  const fs = require('node:fs');
  const hierarchy = new addon.Directory('${HIERARCHY}');
  const { file, members, ...request } = JSON.parse(args[0]);
  const record = { fd: fs.openSync(file, 'r+'), offset: ${HEAD.length}, limit: ${LIMIT}, members };
  return attempt(() => addon.moveTasks({ ...request, record, hierarchy, version: 1, proc: '/proc', control: new Int32Array(2) }));`;

describe.skipIf(notInPlace)(`moveTasks with a record, in place (${notInPlace ?? 'v1'})`, () => {
  const scene = useScene();
  let file: string;
  beforeEach(() => {
    file = `${scene.now.scratch.folder}/record`;
    writeFileSync(file, HEAD);
  });

  const move = async (more: Partial<MoveRequest> = {}, without?: 'from', end = {}): Promise<MoveResult> => {
    const fd = openSync(file, 'r+');
    try {
      const { from, ...request } = scene.now.request({
        record: { fd, offset: HEAD.length, limit: LIMIT, members: MEMBERS, ...end },
        ...more,
      });
      return await addon.moveTasks(without === 'from' || from === undefined ? request : { ...request, from });
    } finally {
      closeSync(fd);
    }
  };
  const moveRows = (tids: number[], more: Partial<MoveRequest> = {}, start = tids.map(() => Number.NaN)) =>
    move({ tasks: { tid: Int32Array.from(tids), start: Float64Array.from(start) }, ...more }, 'from');

  const lines = (): string[] => {
    const text = readFileSync(file, 'utf8');
    expect(text.startsWith(HEAD)).toBe(true);
    expect(text.endsWith('\n')).toBe(true);
    return text.split('\n').slice(1, -1);
  };
  const batches = (): Batch[] => lines().map((line) => JSON.parse(line) as Batch);
  const named = (tids: number[]): [number, number][] => tids.map((tid) => [tid, startOf(tid)]);

  /** In a child, so that strace can look at it or inject a fault. */
  const moveInChild = (wrapper: string[]): Answer => {
    const { from, to } = scene.now;
    return inChild(MOVE, [JSON.stringify({ from, to, file, members: MEMBERS })], wrapper);
  };

  test('names every process with its start time, in a line with a checksum of its own bytes', async () => {
    await scene.now.start('processes', '20', '1');
    const pids = scene.now.tids('from');
    const result = await move();
    expect(result).toMatchObject({ moved: 21, gone: 0, passes: 2, refused: [], offset: readFileSync(file).length });
    expect(batches()).toEqual([
      {
        crc: expect.any(String),
        type: 'moved',
        step: 3,
        from: `/${scene.now.from}`,
        processes: named(pids),
        threads: [],
      },
    ]);
    const [, crc, rest = ''] = /^\{"crc":"([0-9a-f]{8})",(.*)$/.exec(lines()[0] ?? '') ?? [];
    expect(Number.parseInt(crc ?? '', 16)).toBe(crc32(rest));
    expect(rest.startsWith(`${MEMBERS},"from":"/${scene.now.from}","processes":[[`)).toBe(true);
  });

  test('tells whole processes from threads that are only partly there', async () => {
    const leader = await scene.now.start('processes', '3', '3');
    const [first = 0, second = 0, third = 0] = scene.now.processes('from').filter((pid) => pid !== leader);
    const [, lent = 0] = threadsOf(first);
    scene.now.put(lent, 'elsewhere');
    scene.now.put(second, 'elsewhere');
    const parts = [...threadsOf(first), ...threadsOf(second)].filter((tid) => tid !== lent && tid !== second);
    expect(await move()).toMatchObject({ moved: 8, refused: [] });
    const [batch] = batches();
    expect(batch?.processes).toEqual(named([leader, third]));
    expect(batch?.threads).toEqual(named(parts.sort((a, b) => a - b)));
  });

  test('a leader whose other threads are elsewhere is recorded as a thread', async () => {
    const leader = await scene.now.start('processes', '1', '2');
    const [pid = 0] = scene.now.processes('from').filter((one) => one !== leader);
    const [, lent = 0] = threadsOf(pid);
    scene.now.put(lent, 'elsewhere');
    await move();
    expect(batches()).toMatchObject([{ processes: named([leader]), threads: named([pid]) }]);
  });

  test('each pass writes its batch and syncs it before it moves anything', async () => {
    await scene.now.start('processes', '20', '1');
    const log = `${scene.now.scratch.folder}/strace`;
    const to = `${scene.now.scratch.directory}/to`;
    const paths = [file, `${to}/tasks`, `${to}/cgroup.procs`].flatMap((path) => ['-P', path]);
    const wrapper = strace(log, 'pwrite64,fdatasync', ...paths);
    expect(moveInChild([...wrapper, '-e', LEFT_BEHIND]).errno).toBeUndefined();
    // Moved: every ID that is written has been in a batch that was synced.
    const synced = new Set<string>();
    let pending: string[] = [];
    let passes = 0;
    let moved = 0;
    for (const [, call = '', data = ''] of readFileSync(log, 'utf8').matchAll(/(pwrite64|fdatasync)\(\d+(.*)/g)) {
      const [, id] = /^, "(\d+)"/.exec(data) ?? [];
      if (id !== undefined) {
        expect(synced).toContain(id);
        moved++;
      } else if (call === 'pwrite64') {
        const offset = Number(/, (\d+)\) = /.exec(data)?.[1]);
        const length = Number(/, (\d+), \d+\) = /.exec(data)?.[1]);
        const text = readFileSync(file)
          .subarray(offset, offset + length)
          .toString();
        pending = [...text.matchAll(/\[(\d+),\d+\]/g)].map(([, id]) => id ?? '');
        passes++;
      } else {
        for (const id of pending) synced.add(id);
      }
    }
    expect([passes, moved]).toEqual([2, 22]);
  });

  test.each([
    ['a write refused', ['inject=pwrite64:error=ENOSPC'], { errno: -28, syscall: 'pwrite' }],
    ['a short write', ['inject=pwrite64:retval=7:when=1'], { errno: -5, syscall: 'pwrite' }],
    ['a sync refused', ['inject=fdatasync:error=EIO'], { errno: -5, syscall: 'fdatasync' }],
  ])('%s: nothing is moved, and the record is as before', async (_name, faults, answer) => {
    await scene.now.start('processes', '10', '1');
    const wrapper = strace(`${scene.now.scratch.folder}/strace`, 'pwrite64,fdatasync', '-P', file);
    expect(moveInChild([...wrapper, ...faults.flatMap((fault) => ['-e', fault])])).toEqual(answer);
    expect(scene.now.tids('from')).toHaveLength(11);
    expect(readFileSync(file, 'utf8')).toBe(HEAD);
  });

  test('a full disk: the same', async () => {
    await scene.now.start('processes', '500', '1');
    // 5 KiB of a file may be had, the batch needs more.
    const limited = ['/bin/sh', '-c', 'ulimit -f 5; exec "$@"', 'sh'];
    expect(moveInChild(limited)).toEqual({ errno: -27, syscall: 'pwrite' });
    expect(scene.now.tids('from')).toHaveLength(501);
    expect(readFileSync(file, 'utf8')).toBe(HEAD);
  });

  test('a batch that would take the record beyond its limit is not written, and nothing is moved', async () => {
    await scene.now.start('processes', '10', '1');
    await move();
    const { length } = readFileSync(file);
    writeFileSync(file, HEAD);
    for (const pid of scene.now.tids('to')) scene.now.put(pid, 'from');
    const beyond = { code: 'EFBIG', syscall: BEYOND_LIMIT };
    await expect(move({}, undefined, { limit: length - 1 })).rejects.toMatchObject(beyond);
    await expect(move({}, undefined, { limit: 0 })).rejects.toMatchObject(beyond);
    expect(scene.now.tids('from')).toHaveLength(11);
    expect(readFileSync(file, 'utf8')).toBe(HEAD);
    expect(await move({}, undefined, { limit: length })).toMatchObject({ moved: 11, offset: length });
  });

  test('a failure in a later pass leaves the batches of those before, whole', async () => {
    await scene.now.start('processes', '20', '1');
    const paths = [file, `${scene.now.scratch.directory}/to/tasks`].flatMap((path) => ['-P', path]);
    const wrapper = strace(`${scene.now.scratch.folder}/strace`, 'fdatasync,pwrite64', ...paths);
    const faults = ['-e', LEFT_BEHIND, '-e', 'inject=fdatasync:error=EIO:when=2'];
    expect(moveInChild([...wrapper, ...faults])).toEqual({ errno: -5, syscall: 'fdatasync' });
    expect(scene.now.tids('from')).toHaveLength(1);
    expect(batches()).toHaveLength(1);
  });

  test('nothing to move writes nothing', async () => {
    expect(await move()).toMatchObject({ moved: 0, passes: 1, offset: HEAD.length });
    expect(readFileSync(file, 'utf8')).toBe(HEAD);
  });

  test('cancelled before it is recorded writes nothing', async () => {
    await scene.now.start('processes', '3', '1');
    expect(await move({ control: Int32Array.of(1, 0) })).toMatchObject({ cancelled: true, offset: HEAD.length });
    expect(readFileSync(file, 'utf8')).toBe(HEAD);
  });

  test('forking while they are moved: all that arrives is recorded or a child of what is', async () => {
    await scene.now.start('storm', '0.6');
    const result = await move();
    await delay(700);
    expect(result).toMatchObject({ unsettled: false, refused: [] });
    expect(scene.now.tids('from')).toEqual([]);
    expect(batches().length).toBe(result.passes - 1);
  });

  describe('tasks by name', () => {
    test('one line for each cgroup that they come from, in one write and one sync', async () => {
      await scene.now.start('processes', '6', '1');
      const [a = 0, b = 0, c = 0, d = 0] = scene.now.processes('from');
      scene.now.put(b, 'elsewhere');
      scene.now.put(c, 'elsewhere');
      const tids = [a, b, c, d, NOBODY];
      expect(await moveRows(tids)).toMatchObject({ moved: 4, gone: 1, passes: 1 });
      expect(batches()).toMatchObject([
        { from: `/${scene.now.from}`, processes: named([a, d]), threads: [] },
        { from: `${scene.now.scratch.name}/elsewhere`, processes: named([b, c]), threads: [] },
      ]);
      expect(scene.now.tids('to').sort()).toEqual([a, b, c, d].sort());
    });

    test('threads, and a process counts those that it has', async () => {
      const leader = await scene.now.start('processes', '1', '4');
      const [pid = 0] = scene.now.processes('from').filter((one) => one !== leader);
      const [, second = 0, third = 0] = threadsOf(pid);
      expect(await moveRows([second, third], { threads: true })).toMatchObject({ moved: 2 });
      expect(batches()).toMatchObject([{ processes: [], threads: named([second, third]) }]);
      writeFileSync(file, HEAD);
      expect(await moveRows([pid])).toMatchObject({ moved: 4 });
    });

    test('a TID with another start time is gone, and not recorded', async () => {
      const pid = await scene.now.start('processes', '0', '1');
      expect(await moveRows([pid], {}, [startOf(pid) + 1])).toMatchObject({ moved: 0, gone: 1, offset: HEAD.length });
      expect(await moveRows([pid], {}, [startOf(pid)])).toMatchObject({ moved: 1, gone: 0 });
    });

    test('a cgroup whose name needs escapes; one whose name is no UTF-8, or has control characters, is refused', async () => {
      const odd = 'a "b"\\é\u{1f600}';
      scene.now.scratch.make(odd);
      const bytes = Buffer.concat([Buffer.from(`${scene.now.scratch.directory}/`), Buffer.from([0x78, 0xff])]);
      await scene.now.start('processes', '1', '1');
      const [first = 0, second = 0] = scene.now.processes('from');
      writeFileSync(`${scene.now.scratch.directory}/${odd}/tasks`, String(first));
      expect(await moveRows([first])).toMatchObject({ moved: 1 });
      expect(batches()).toMatchObject([{ from: `${scene.now.scratch.name}/${odd}` }]);

      for (const control of ['a\tb', 'a\u0001', 'a\u007fb']) {
        scene.now.scratch.make(control);
        writeFileSync(`${scene.now.scratch.directory}/${control}/tasks`, String(second));
        const before = readFileSync(file, 'utf8');
        expect(await moveRows([second])).toMatchObject({ moved: 0, refused: [{ tid: second, errno: -84 }] });
        expect(readFileSync(file, 'utf8')).toBe(before);
      }

      mkdirSync(bytes);
      const inside = (name: string): Buffer => Buffer.concat([bytes, Buffer.from(`/${name}`)]);
      try {
        for (const name of ['cpuset.cpus', 'cpuset.mems']) writeFileSync(inside(name), '0');
        writeFileSync(inside('tasks'), String(second));
        expect(await moveRows([second])).toMatchObject({ moved: 0, refused: [{ tid: second, errno: -84 }] });
      } finally {
        scene.now.put(second, 'from');
        rmdirSync(bytes);
      }
    });
  });
});

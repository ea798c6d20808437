/** Moves on cgroup v2: wherever one is mounted, in scratch groups of its own; no controller is needed for that. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MoveRequest, type MoveResult, newControl } from '../../lib/native.js';
import { addon } from './addon.js';
import { startOf } from './scene.js';

const CGROUP2_SUPER_MAGIC = 0x63677270;
const MOUNT = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => existsSync(`${path}/cgroup.controllers`));
const notHere = process.geteuid?.() !== 0 ? 'not root' : MOUNT === undefined ? 'no cgroup2 mount' : undefined;

const NAME = `vfio-isolate-test-v2-${process.pid}`;
const EAGAIN = -11;
const EOPNOTSUPP = -95;
const FINE = { gone: 0, cancelled: false, unsettled: false, refused: [], left: [] };

describe.skipIf(notHere)(`moveTasks on v2, in place (${notHere ?? MOUNT})`, () => {
  const top = `${MOUNT}/${NAME}`;
  const children: ChildProcess[] = [];
  const read = (file: string): number[] =>
    readFileSync(`${top}/${file}`, 'utf8').split('\n').filter(Boolean).map(Number);
  const move = (more: Partial<MoveRequest> = {}): Promise<MoveResult> => {
    const hierarchy = new addon.Directory(MOUNT ?? '', CGROUP2_SUPER_MAGIC);
    const request = { hierarchy, version: 2 as const, proc: '/proc', to: `${NAME}/to`, control: newControl(), ...more };
    return addon.moveTasks('tasks' in more ? request : { from: `${NAME}/from`, ...request });
  };
  /** A process of more than one thread: node. */
  const start = async (group: string): Promise<number> => {
    const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1e6)'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    writeFileSync(`${top}/${group}/cgroup.procs`, String(child.pid));
    return child.pid ?? 0;
  };

  beforeEach(() => {
    for (const path of [top, `${top}/from`, `${top}/to`]) mkdirSync(path);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await delay(20);
    for (const path of [`${top}/from`, `${top}/to`, top]) rmdirSync(path);
  });

  test('processes go whole', async () => {
    const pids = [await start('from'), await start('from')];
    expect(await move()).toEqual({ ...FINE, moved: 2, passes: 2, offset: 0 });
    expect(read('to/cgroup.procs').sort()).toEqual(pids.sort());
    expect(read('from/cgroup.procs')).toEqual([]);
  });

  describe('of a threaded cgroup', () => {
    // Only an empty cgroup may become threaded; its parent is the domain then, and takes the process first.
    const makeThreaded = async (...names: string[]): Promise<{ pid: number; threads: number[] }> => {
      for (const name of names) writeFileSync(`${top}/${name}/cgroup.type`, 'threaded');
      const pid = await start('.');
      const threads = read('cgroup.threads');
      for (const tid of threads) writeFileSync(`${top}/from/cgroup.threads`, String(tid));
      return { pid, threads };
    };

    test('thread by thread', async () => {
      const { pid, threads } = await makeThreaded('from', 'to');
      expect(await move()).toEqual({ ...FINE, moved: threads.length, passes: 2, offset: 0 });
      expect(read('to/cgroup.threads').sort()).toEqual(threads.sort());
      const tasks = { tid: Int32Array.of(pid), start: Float64Array.of(Number.NaN) };
      expect(await move({ tasks, threads: true, to: `${NAME}/from` })).toMatchObject({ moved: 1 });
      expect(read('from/cgroup.threads')).toEqual([pid]);
    });

    test('to one that cannot take a thread: refused, each by name', async () => {
      const { threads } = await makeThreaded('from');
      const result = await move();
      expect(result.moved).toBe(0);
      expect(result.refused.map(({ tid }) => tid).sort()).toEqual(threads.sort());
      for (const { errno } of result.refused) expect(errno).toBe(EOPNOTSUPP);
    });
  });

  test('with a record: origins by their line of the unified hierarchy', async () => {
    const pid = await start('from');
    const file = join(tmpdir(), NAME);
    const fd = openSync(file, 'w+');
    try {
      const record = { fd, offset: 0, limit: 4096, members: '"type":"moved"' };
      const tasks = { tid: Int32Array.of(pid), start: Float64Array.of(startOf(pid)) };
      const result = await move({ tasks, record });
      expect(result).toMatchObject({ ...FINE, offset: readFileSync(file).length });
      expect(result.moved).toBeGreaterThan(1);
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
        from: `/${NAME}/from`,
        processes: [[pid, startOf(pid)]],
      });
    } finally {
      closeSync(fd);
      rmSync(file);
    }
  });
});

test('tasks that are back each time are given up, in whatever order a list has them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
  const children = [0, 1, 2].map(() => spawn('sleep', ['60'], { stdio: 'ignore' }));
  try {
    const pids = children.map(({ pid = 0 }) => pid);
    // Lists of version 2 are in the order in which tasks came. Nothing ever leaves this one.
    const listed = [pids[1], pids[2], pids[0]];
    for (const name of ['from', 'to']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'from/cgroup.procs'), listed.map((pid) => `${pid}\n`).join(''));
    writeFileSync(join(folder, 'to/cgroup.procs'), '');
    const request = { hierarchy: { path: folder }, version: 2 as const, proc: '/proc', control: newControl() };
    const result = await addon.moveTasks({ ...request, from: 'from', to: 'to' });
    expect(result).toMatchObject({ moved: 0, gone: 0, unsettled: false });
    expect(result.refused.map(({ tid, errno }) => [tid, errno])).toEqual(listed.map((pid) => [pid, EAGAIN]));
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

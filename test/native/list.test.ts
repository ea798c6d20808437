import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { newControl } from '../../lib/native.js';
import { notInPlace } from '../support/scratch.js';
import { addon } from './addon.js';
import { startOf, threadsOf, useScene } from './scene.js';

describe.skipIf(notInPlace)(`listTasks, in place (${notInPlace ?? 'v1'})`, () => {
  const scene = useScene();
  const list = (name: string, control = newControl()) =>
    addon.listTasks(scene.now.hierarchy, `${scene.now.from}/${name}`, '/proc', control);

  test('gives threads with their processes, parents, start times and names', async () => {
    const leader = await scene.now.start('processes', '3', '4');
    const control = newControl();
    const table = await list('tasks', control);
    expect([...table.tid]).toEqual(scene.now.tids('from'));
    expect(table.tid.length).toBe(13);
    expect(control[1]).toBe(13);
    for (const [row, tid] of table.tid.entries()) {
      const status = readFileSync(`/proc/${tid}/status`, 'utf8');
      expect(table.tgid[row]).toBe(Number(/Tgid:\t(\d+)/.exec(status)?.[1]));
      expect(table.ppid[row]).toBe(Number(/PPid:\t(\d+)/.exec(status)?.[1]));
      expect(table.start[row]).toBe(startOf(tid));
      expect(table.comm[row]).toBe(readFileSync(`/proc/${tid}/comm`, 'utf8').trim());
      expect((table.flags[row] ?? 0) & 0x00200000).toBe(0);
    }
    expect(threadsOf(leader)).toEqual([leader]);
  });

  test('gives processes by cgroup.procs', async () => {
    await scene.now.start('processes', '3', '4');
    const { tid, tgid } = await list('cgroup.procs');
    expect(tid.length).toBe(4);
    expect(tgid).toEqual(tid);
  });

  test('parses a name that imitates the rest of the line', async () => {
    const names = [') R 1 1 1', '((a) b', 'x) S 7 (', '()', ' '];
    const pids: number[] = [];
    for (const name of names) pids.push(await scene.now.start('named', name));
    const { tid, comm, start } = await list('tasks');
    const byTid = new Map(Array.from(tid, (one, row) => [one, [comm[row], start[row]]]));
    for (const [at, pid] of pids.entries()) expect(byTid.get(pid)).toEqual([names[at], startOf(pid)]);
  });

  test('an empty list, one that is not there, a cancelled call', async () => {
    expect((await list('tasks')).tid.length).toBe(0);
    await expect(list('nowhere')).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
    await scene.now.start('processes', '5', '1');
    expect((await list('tasks', Int32Array.of(1, 0))).tid.length).toBe(0);
  });
});

describe('listTasks of a tree that stands in for a host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const proc = join(folder, 'proc');
  const rest = '(name) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0';

  const listed = (tasks: string, stats: Record<string, string>) => {
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    writeFileSync(join(folder, 'tasks'), tasks);
    for (const [tid, stat] of Object.entries(stats)) {
      mkdirSync(join(proc, tid), { recursive: true });
      writeFileSync(join(proc, tid, 'stat'), stat);
    }
    mkdirSync(proc, { recursive: true });
    return addon.listTasks(new addon.Directory(folder), 'tasks', proc, newControl());
  };

  test('leaves out what is gone and what this PID namespace does not see', async () => {
    const { tid, start } = await listed('7\n0\n8\n9', { 7: `7 ${rest}`, 9: `9 ${rest}\n` });
    expect([...tid]).toEqual([7, 9]);
    expect([...start]).toEqual([77, 77]);
  });

  test.each([['text'], ['1\n-2\n'], ['99999999999\n'], ['1 2\n'], ['1\0']])(
    'refuses a list that is none: %j',
    async (tasks) => {
      await expect(listed(tasks, {})).rejects.toMatchObject({ errno: -74, syscall: 'read' });
    },
  );

  test.each([
    [''],
    ['7'],
    ['7 name S 1'],
    ['7 (name'],
    ['7 (name)'],
    ['7 )name( S'],
    [`7 (name) S 1 1`],
    [`7 ${rest.replace('77', 'x')}`],
    [`7 ${rest.replace('77', '-7')}`],
    ['x'.repeat(5000)],
  ])('refuses a stat that is none: %j', async (stat) => {
    await expect(listed('7\n', { 7: stat })).rejects.toMatchObject({ errno: -74, path: `${proc}/7/stat` });
  });
});

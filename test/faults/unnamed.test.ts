/**
 * What goes on as another process each time, and is never seen: as on a host with millions of TIDs, where it stands last
 * in the list and has exited by then.
 */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Command, run } from '../../lib/index.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { compileLoad, noLoads } from './loads.js';

const seen = vi.hoisted(() => ({ only: undefined as ReadonlySet<number> | undefined }));
vi.mock(import('../../lib/kernel/tasks.js'), async (actual) => {
  const tasks = await actual();
  return {
    ...tasks,
    async listTasks(host, directory) {
      const table = await tasks.listTasks(host, directory);
      const rows = [...table.tid.keys()].filter((row) => seen.only?.has(table.tid[row] ?? 0) ?? true);
      const pick = (column: ArrayLike<number>) => rows.map((row) => column[row] ?? 0);
      const [tid, tgid, ppid] = [table.tid, table.tgid, table.ppid].map((column) => Int32Array.from(pick(column)));
      const start = Float64Array.from(pick(table.start));
      return { ...table, tid, tgid, ppid, start } as typeof table;
    },
  };
});

const skipped = notInPlace ?? noLoads;

describe.skipIf(skipped)(`tasks of which none is ever seen, in place (${skipped ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  let stop: string;
  beforeEach(() => {
    scratch = openScratch();
    [undo, stop] = [`${scratch.folder}/undo`, `${scratch.folder}/stop`];
    scratch.make('home');
    scratch.make('guest');
  });
  // Nobody can kill what is a process of its own each time.
  afterEach(() => {
    seen.only = undefined;
    writeFileSync(stop, '');
  });

  const restore = (): Command[] => [{ name: 'restore', parameters: { undoFile: undo } }];

  async function moveHopper(): Promise<void> {
    const residents = new Set(scratch.tids('guest'));
    await scratch.start('home', `exec ${compileLoad('hop', scratch.folder)} ${stop}`);
    const [cpusetFrom, cpusetTo] = [`${scratch.name}/home`, `${scratch.name}/guest`];
    const move = { name: 'move-tasks', parameters: { cpusetFrom, cpusetTo } };
    expect((await run([move], { undo, wait: 60 })).error).toBeUndefined();
    seen.only = residents;
  }

  test('go where the last move came from, which is told', async () => {
    await moveHopper();
    const report = await run(restore(), { wait: 60 });
    expect(report.error).toBeUndefined();
    expect(report.commands[0]?.notes.join()).toMatch(/tasks of .*guest .* no ancestor on record, go to .*home/);
    expect(scratch.tids('guest')).toEqual([]);
    await expect.poll(() => scratch.tids('home').length).toBeGreaterThan(0);
  });

  test('stay beside tasks that belong there, which is an error, and on record until they are gone', async () => {
    await scratch.sleepers('guest', 3);
    const residents = scratch.tids('guest');
    await moveHopper();
    const report = await run(restore(), { wait: 60 });
    const [failure] = report.commands[0]?.failures ?? [];
    expect(failure?.message).toBe(`tasks of ${scratch.directory}/guest exit before they can be named`);
    expect(report.error?.code).toBe('ERR_INCOMPLETE');
    writeFileSync(stop, '');
    await expect.poll(() => scratch.tids('guest')).toEqual(residents);
    const notes = async () => (await run(restore(), { wait: 60 })).commands[0]?.notes.join();
    expect(await notes()).toBe('');
    expect(await notes()).toContain('nothing to restore');
    expect(scratch.tids('guest')).toEqual(residents);
  });
});

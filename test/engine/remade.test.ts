/** A destination of a move that somebody else has removed and made again, with tasks of their own in it. */
import { rmdirSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Command, run } from '../../lib/index.js';
import { rewrite } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';

describe.skipIf(notInPlace)(`a destination that was made anew, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  let moved: number[];
  beforeEach(async () => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    scratch.make('home');
    scratch.make('theirs');
    await scratch.sleepers('home', 2);
    moved = scratch.tids('home');
  });

  const move = (): Command => ({
    name: 'move-tasks',
    parameters: { cpusetFrom: `${scratch.name}/home`, cpusetTo: `${scratch.name}/guest` },
  });
  const create = (): Command => ({
    name: 'cpuset-create',
    parameters: { cpusetName: `${scratch.name}/guest`, cpus: 'C0-1' },
  });
  const doing = async (...commands: Command[]) =>
    expect((await run(commands, { undo, wait: 60 })).error).toBeUndefined();
  const restoring = async () => {
    const { error, commands } = await run([{ name: 'restore', parameters: { undoFile: undo } }], { wait: 60 });
    return { error, notes: commands[0]?.notes.join(), failures: commands[0]?.failures.map(({ message }) => message) };
  };

  /** @returns the tasks that somebody else has begun in the new one */
  async function remake(): Promise<number[]> {
    for (const tid of scratch.tids('guest')) writeFileSync(`${scratch.directory}/theirs/tasks`, `${tid}`);
    await expect.poll(() => removed(`${scratch.directory}/guest`)).toBe(true);
    scratch.make('guest');
    await scratch.sleepers('guest', 3);
    return scratch.tids('guest');
  }

  test('keeps them where it was not ours', async () => {
    scratch.make('guest');
    await doing(move());
    const young = await remake();
    const { notes, failures } = await restoring();
    expect(notes).toContain('guest was removed and made again by somebody else: 4 tasks in it stay');
    expect(failures).toEqual([expect.stringContaining('tasks were moved on by somebody else')]);
    expect([scratch.tids('home'), scratch.tids('guest'), scratch.tids('theirs')]).toEqual([[], young, moved]);
  });

  test('keeps them where it was ours', async () => {
    await doing(create(), move());
    const young = await remake();
    expect((await restoring()).failures).toContainEqual(expect.stringContaining('made again by somebody else'));
    expect([scratch.tids('home'), scratch.tids('guest')]).toEqual([[], young]);
  });

  test('keeps them where the record has moved tasks there once more since', async () => {
    scratch.make('guest');
    await doing(move());
    const young = await remake();
    await scratch.sleepers('home', 1);
    const late = scratch.tids('home');
    await doing(move());
    await restoring();
    expect([scratch.tids('home'), scratch.tids('guest')]).toEqual([late, young]);
  });

  test('gives back what is on record, should it be there again', async () => {
    scratch.make('guest');
    await doing(move());
    const young = await remake();
    for (const tid of moved) writeFileSync(`${scratch.directory}/guest/tasks`, `${tid}`);
    expect((await restoring()).error).toBeUndefined();
    expect([scratch.tids('home'), scratch.tids('guest')]).toEqual([moved, young]);
  });

  test('is not known from a record of version 0.1.0', async () => {
    scratch.make('guest');
    await doing(move());
    rewrite(undo, ({ identity: _, ...line }) => line);
    await remake();
    expect((await restoring()).notes).not.toContain('made again');
    expect(scratch.tids('guest')).toEqual([]);
  });
});

function removed(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    return false;
  }
}

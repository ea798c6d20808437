/** Records of two runs, one of which goes on from what the other did: restored in either order, the host is as before. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type Command, type Host, openHost, type RunOptions, run } from '../../lib/index.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';

describe.skipIf(notInPlace)(`two records, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let host: Host;
  let before: Record<string, string>;
  beforeEach(async () => {
    scratch = openScratch();
    host = openHost({ run: `${scratch.folder}/run` });
    scratch.make('home');
    await scratch.sleepers('home', 3);
  });

  const named = (name: string) => `${scratch.name}/${name}`;
  const create = (name: string): Command => ({ name: 'cpuset-create', parameters: { cpusetName: named(name) } });
  const move = (from: string, to: string): Command => ({
    name: 'move-tasks',
    parameters: { cpusetFrom: named(from), cpusetTo: named(to) },
  });
  const isolate = async (record: number, ...commands: Command[]) => {
    const report = await run(commands, { host, undo: `${scratch.folder}/${record}` });
    expect(report.error).toBeUndefined();
  };
  const restore = async (record: number, options: RunOptions = {}) => {
    const undoFile = `${scratch.folder}/${record}`;
    const { ok, error, commands } = await run([{ name: 'restore', parameters: { undoFile } }], { host, ...options });
    return { ok, error, notes: commands[0]?.notes };
  };
  const done = { ok: true, notes: [] };

  describe.each([true, false])('tasks that a second run moves on (to a cpuset that it makes: %s)', (own) => {
    beforeEach(async () => {
      if (!own) scratch.make('b');
      before = snapshot(scratch.directory);
      await isolate(1, create('a'), move('home', 'a'));
      await isolate(2, ...(own ? [create('b')] : []), move('a', 'b'));
    });

    test('the later one first', async () => {
      expect(await restore(2)).toMatchObject(done);
      expect(await restore(1)).toMatchObject(done);
      expect(snapshot(scratch.directory)).toEqual(before);
    });

    test('the earlier one first: it leaves and tells what the later one did, and finishes after it', async () => {
      const first = await restore(1);
      expect(first.error).toMatchObject({
        message: expect.stringMatching(/4 tasks were moved on by somebody else \(task \d+ is in .*\/b\)/),
        remedy: expect.stringMatching(/where a later run did that, its record first and then this again/),
      });
      expect(scratch.tids('b')).toHaveLength(4);
      const second = await restore(2);
      expect(second).toMatchObject({
        ok: true,
        notes: [expect.stringMatching(/\/a no longer exists: its tasks went/)],
      });
      expect(await restore(1)).toMatchObject(done);
      expect(snapshot(scratch.directory)).toEqual(before);
      for (const record of [1, 2]) expect((await restore(record)).ok).toBe(true);
      expect(snapshot(scratch.directory)).toEqual(before);
    });

    test.each([false, true])('the earlier one first, by force (the later one by force: %s)', async (force) => {
      expect((await restore(1, { force: true })).ok).toBe(true);
      expect(await restore(2, { force })).toMatchObject({
        ok: true,
        notes: [
          expect.stringMatching(/\/a no longer exists: tasks of it that somebody else has moved stay in .*\/home/),
        ],
      });
      expect(snapshot(scratch.directory)).toEqual(before);
    });
  });

  test('values that a second run changes again: the earlier one finishes after the later', async () => {
    const narrow = (cpus: string): Command => ({
      name: 'cpuset-modify',
      parameters: { cpusetName: named('home'), cpus },
    });
    before = snapshot(scratch.directory);
    await isolate(1, narrow('C0'));
    await isolate(2, narrow('C1'));
    expect((await restore(1)).error?.message).toMatch(/set by somebody else/);
    expect(await restore(2)).toMatchObject(done);
    expect(await restore(1)).toMatchObject(done);
    expect(snapshot(scratch.directory)).toEqual(before);
  });
});

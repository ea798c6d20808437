/** cpuset-delete of a cpuset that some record says we made: what is recorded of it is undone then. */
import { rmdirSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Command, type Host, openHost, type RunOptions, records, restore, run } from '../../lib/index.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';

describe.skipIf(notInPlace)(`a cpuset that we made is deleted, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let host: Host;
  let home: string;
  let guest: string;
  let tids: number[];
  let before: Record<string, string>;
  beforeEach(async () => {
    scratch = openScratch();
    host = openHost({ run: `${scratch.folder}/run` });
    home = scratch.make('home');
    guest = `${scratch.name}/guest`;
    await scratch.sleepers('home', 3);
    tids = scratch.tids('home');
    before = snapshot(scratch.directory);
  });

  const undo = () => `${scratch.folder}/undo`;
  const create: () => Command = () => ({ name: 'cpuset-create', parameters: { cpusetName: guest, cpus: 'C0' } });
  const move = (from: string, to: string): Command => ({
    name: 'move-tasks',
    parameters: { cpusetFrom: from, cpusetTo: to },
  });
  const remove: () => Command = () => ({ name: 'cpuset-delete', parameters: { cpusetName: guest } });
  const good = async (commands: Command[], options: RunOptions = {}) => {
    const report = await run(commands, { host, ...options });
    expect(report.error).toBeUndefined();
    return report;
  };
  const states = async () => (await records({ host })).map(({ state }) => state);

  test.each([
    ['in its own record', (): RunOptions => ({ undo: undo() })],
    ['in none', (): RunOptions => ({})],
    ['in another', (): RunOptions => ({ undo: `${undo()}-2` })],
    ['in memory', (): RunOptions => ({ undo: false })],
  ])('its tasks go home, and no record holds anything (%s)', async (_what, options) => {
    await good([create(), move(home, guest)], { undo: undo() });
    const report = await good([remove()], options());
    expect(report).not.toHaveProperty('record');
    expect(snapshot(scratch.directory)).toEqual(before);
    expect(new Set(await states())).toEqual(new Set(['restored']));
    expect((await restore(undo(), { host })).commands[0]?.notes.join()).toMatch(/nothing to restore/);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a run that moved tasks there and another that made it are both undone', async () => {
    await good([create()], { undo: undo() });
    await good([{ name: 'cpuset-modify', parameters: { cpusetName: guest, cpus: 'C0-1' } }]);
    await good([move(home, guest)]);
    await good([remove()]);
    expect(snapshot(scratch.directory)).toEqual(before);
    expect(new Set(await states())).toEqual(new Set(['restored']));
  });

  test('what else a record holds, it goes on holding', async () => {
    const narrow: Command = { name: 'cpuset-modify', parameters: { cpusetName: home, cpus: 'C0' } };
    await good([narrow, create(), move(home, guest)], { undo: undo() });
    await good([remove()]);
    expect(scratch.tids('home')).toEqual(tids);
    expect((await records({ host, name: undo() }))[0]?.holds).toMatchObject([
      { target: `${scratch.directory}/home/cpuset.cpus` },
    ]);
    expect((await restore(undo(), { host })).ok).toBe(true);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a run that fails after it leaves it to its record', async () => {
    await good([create(), move(home, guest)], { undo: undo() });
    const made = snapshot(scratch.directory);
    const failing: Command = { name: 'cpuset-create', parameters: { cpusetName: `${scratch.name}/no/x` } };
    expect((await run([remove(), failing], { host })).ok).toBe(false);
    expect(snapshot(scratch.directory)).toEqual(made);
    expect((await restore(undo(), { host })).ok).toBe(true);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('tasks that were moved on from it have their way home still', async () => {
    const other = scratch.make('other');
    const start = snapshot(scratch.directory);
    await good([create(), move(home, guest), move(guest, other)], { undo: undo() });
    await good([remove()]);
    expect(scratch.tids('other')).toEqual(tids);
    expect((await restore(undo(), { host })).error).toBeUndefined();
    expect(snapshot(scratch.directory)).toEqual(start);
  });

  test('one that nobody of ours made is deleted as before, and comes back', async () => {
    scratch.make('guest');
    const start = snapshot(scratch.directory);
    await good([remove()], { undo: undo() });
    expect(await states()).toEqual(['holds']);
    expect((await restore(undo(), { host })).ok).toBe(true);
    expect(snapshot(scratch.directory)).toEqual(start);
  });

  test('so is one that ours moved tasks to: it comes back with them', async () => {
    scratch.make('guest');
    await good([move(home, guest)], { undo: undo() });
    const moved = snapshot(scratch.directory);
    await good([remove()], { undo: `${undo()}-2` });
    expect(scratch.tids('home')).toEqual(tids);
    expect((await restore(`${undo()}-2`, { host })).ok).toBe(true);
    expect(snapshot(scratch.directory)).toEqual(moved);
  });

  test('one that somebody else made anew is theirs', async () => {
    await good([create()], { undo: undo() });
    rmdirSync(`${scratch.directory}/guest`);
    scratch.make('guest');
    expect(await good([remove()])).toHaveProperty('record');
    expect(await states()).toEqual(['holds', 'holds']);
  });

  test('a dry run says where its tasks go', async () => {
    await good([create(), move(home, guest)], { undo: undo() });
    const { commands } = await good([remove()], { dryRun: true });
    expect(commands[0]?.changes[0]?.text).toBe(`tasks: ${scratch.directory}/guest -> ${scratch.directory}/home`);
  });
});

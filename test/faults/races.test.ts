/** Several runs and restores at once, and cpusets that somebody else removes, makes anew or fills meanwhile. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { vfioIsolate } from '../support/cli.js';
import { recordFile, rewrite } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';
import { tries } from './extent.js';
import { count } from './figures.js';

describe.skipIf(notInPlace)(`races, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  let home: string;
  let guest: string;
  beforeEach(() => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    home = scratch.make('home');
    guest = `${scratch.name}/guest`;
  });

  const vi = (...words: string[]) => vfioIsolate('--wait', '60', ...words);
  const good = async (...words: string[]) => {
    const ended = await vi(...words);
    expect(ended).toMatchObject({ status: 0 });
    return ended;
  };
  const now = () => snapshot(scratch.directory);

  test('two runs at once on different things, each with its own record, do not disturb each other', async () => {
    const other = scratch.make('other');
    await scratch.sleepers('home', 100);
    await scratch.sleepers('other', 100);
    const before = now();
    const rounds = tries(30, 3);
    for (let round = 0; round < rounds; round++) {
      const records = [`${undo}-a`, `${undo}-b`];
      const [a = '', b = ''] = records;
      await Promise.all([
        good('-u', a, 'cpuset-create', `${guest}-a`, 'move-tasks', home, `${guest}-a`),
        good('-u', b, 'cpuset-create', `${guest}-b`, 'move-tasks', other, `${guest}-b`),
      ]);
      expect([scratch.tids('guest-a').length, scratch.tids('guest-b').length]).toEqual([101, 101]);
      await Promise.all(records.map((record) => good('restore', record)));
      expect(now()).toEqual(before);
    }
    count('pairs of runs at once', rounds);
  });

  test('two runs at once on one thing, with one record: back to the first-seen value', async () => {
    await scratch.sleepers('home', 50);
    const before = now();
    const rounds = tries(30, 3);
    for (let round = 0; round < rounds; round++) {
      await Promise.all([
        good('-u', undo, 'cpuset-modify', '--cpus', 'C0', home),
        good('-u', undo, 'cpuset-modify', '--cpus', 'C1', '-mm', home),
      ]);
      await good('restore', undo);
      expect(now()).toEqual(before);
    }
    count('pairs of runs at once', rounds);
  });

  test('two runs on one thing, each with its own record: the later one is restored first, or reported', async () => {
    const before = now();
    await good('-u', `${undo}-a`, 'cpuset-modify', '--cpus', 'C0', home);
    await good('-u', `${undo}-b`, 'cpuset-modify', '--cpus', 'C1', home);
    const early = await vi('restore', `${undo}-a`);
    expect(early).toMatchObject({ status: 1, stderr: expect.stringContaining('is 1, set by somebody else; was 0-1') });
    await good('restore', `${undo}-b`);
    await good('restore', `${undo}-a`);
    expect(now()).toEqual(before);
  });

  test('the same run twice, at once or one after another: one holds, the other is told why not', async () => {
    await scratch.sleepers('home', 50);
    const before = now();
    const run = () => vi('-u', undo, 'cpuset-create', guest, 'move-tasks', home, guest);
    const rounds = tries(30, 3);
    for (let round = 0; round < rounds; round++) {
      const ended = round % 2 === 0 ? await Promise.all([run(), run()]) : [await run(), await run()];
      expect(ended.map(({ status }) => status).sort()).toEqual([0, 1]);
      expect(ended.find(({ status }) => status === 1)?.stderr).toMatch(/there is a cpuset \S+ already/);
      expect(scratch.tids('guest').length).toBe(51);
      await good('restore', undo);
      expect(now()).toEqual(before);
    }
    count('pairs of runs at once', rounds);
  });

  test('a restore at once with a run, and two restores at once', async () => {
    await scratch.sleepers('home', 100);
    const before = now();
    const rounds = tries(30, 3);
    for (let round = 0; round < rounds; round++) {
      await good('-u', undo, 'cpuset-create', guest, 'move-tasks', home, guest);
      await Promise.all([
        good('restore', undo),
        good('-u', undo, 'cpuset-modify', '--cpus', 'C1', home),
        good('-u', undo, 'cpuset-create', `${guest}-2`),
      ]);
      const both = await Promise.all([good('restore', undo), good('restore', undo)]);
      expect(both.filter(({ stderr }) => stderr.includes('nothing to restore')).length).toBeGreaterThan(0);
      expect(now()).toEqual(before);
    }
    count('restores at once', 3 * rounds);
  });

  test('a value that somebody else has set is left, its neighbours are restored; with --force it is too', async () => {
    const before = now();
    await good('-u', undo, 'cpuset-modify', '--cpus', 'C0', '-mm', '-nlb', home);
    scratch.write('home/cpuset.cpus', '1');
    scratch.write('home/cpuset.sched_load_balance', '1');
    const ended = await vi('restore', undo);
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining('is 1, set by somebody else; was 0-1') });
    expect(['cpus', 'memory_migrate', 'sched_load_balance'].map((file) => scratch.read(`home/cpuset.${file}`))).toEqual(
      ['1', '0', '1'],
    );
    await good('--force', 'restore', undo);
    expect(now()).toEqual(before);
  });

  test('a cpuset of ours that somebody has removed is no loss, and its tasks go home all the same', async () => {
    const pids = await scratch.sleepers('home', 5);
    const before = now();
    await good('-u', undo, 'cpuset-create', guest, 'cpuset-create', `${guest}-2`, 'move-tasks', home, guest);
    rmdirSync(`${scratch.directory}/guest-2`);
    await good('restore', undo);
    expect(now()).toEqual(before);

    await good('-u', undo, 'cpuset-create', guest, 'move-tasks', home, guest);
    for (const tid of scratch.tids('guest')) scratch.write('tasks', String(tid));
    rmdirSync(`${scratch.directory}/guest`);
    expect(scratch.tids('.')).toEqual(expect.arrayContaining(pids));
    await good('restore', undo);
    expect(now()).toEqual(before);
  });

  test('a cpuset of ours that somebody has removed and made anew is theirs', async () => {
    const before = now();
    await good('-u', undo, 'cpuset-create', '--cpus', 'C1', guest, 'cpuset-modify', '-mm', guest);
    rmdirSync(`${scratch.directory}/guest`);
    scratch.make('guest');
    const pids = await scratch.sleepers('guest', 2);
    const theirs = now();
    const ended = await vi('restore', undo);
    expect(ended).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('guest was removed and made again by somebody else; restore it all the same'),
    });
    expect(now()).toEqual(theirs);
    await good('--force', 'restore', undo);
    expect(existsSync(`${scratch.directory}/guest`)).toBe(false);
    expect(scratch.tids('.')).toEqual(expect.arrayContaining(pids));
    for (const tid of scratch.tids('.')) process.kill(tid, 'SIGKILL');
    await expect.poll(now).toEqual(before);
  });

  test('one that we removed and made anew ourselves is ours', async () => {
    const before = now();
    await good('-u', undo, 'cpuset-create', guest);
    await good('-u', undo, 'cpuset-delete', guest, 'cpuset-create', '--cpus', 'C1', guest);
    await good('restore', undo);
    expect(now()).toEqual(before);
  });

  test('a cpuset of ours that somebody has put another into stays until that is gone', async () => {
    await scratch.sleepers('home', 3);
    const before = now();
    await good('-u', undo, 'cpuset-create', guest, 'move-tasks', home, guest);
    mkdirSync(`${scratch.directory}/guest/theirs`);
    const ended = await vi('restore', undo);
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringMatching(/has cgroups below it: \S+guest\/theirs/) });
    expect(scratch.tids('home').length).toBe(4);
    rmdirSync(`${scratch.directory}/guest/theirs`);
    await good('restore', undo);
    expect(now()).toEqual(before);
  });

  test('a record of an earlier boot restores nothing and says so, and a new run begins it anew', async () => {
    const before = now();
    await good('-u', undo, 'cpuset-modify', '--cpus', 'C0', home);
    const during = now();
    rewrite(recordFile(undo), (entry) => (entry['type'] === 'header' ? { ...entry, boot: 'an earlier one' } : entry));
    const ended = await good('restore', undo);
    expect(ended.stderr).toMatch(/nothing to restore: \S+ is of an earlier boot, and its changes went with it/);
    expect(now()).toEqual(during);
    await good('-u', undo, 'cpuset-create', guest);
    expect(readFileSync(recordFile(undo), 'utf8')).not.toContain('an earlier one');
    await good('restore', undo);
    expect(now()).toEqual(during);
    scratch.write('home/cpuset.cpus', '0-1');
    expect(now()).toEqual(before);
  });
});

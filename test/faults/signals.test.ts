import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { vfioIsolate } from '../support/cli.js';
import { recordFile } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { chance } from './chance.js';
import { tries } from './extent.js';
import { count } from './figures.js';
import { type Signalled, type Stopping, signalled, signalledOnce, statusOf, stopping } from './signalled.js';

/** Killed while Node starts, before it could have changed anything; rolled back; or done before the signal came. */
type Fate = 'killed' | 'rolled back' | 'done';

function fateOf({ status, signal: by, stderr }: Signalled, signals: readonly Stopping[]): Fate {
  if (signals.some((signal) => by === signal)) return 'killed';
  if (signals.some((signal) => status === statusOf(signal))) return 'rolled back';
  expect(status, stderr).toBe(0);
  return 'done';
}

const expectedRestore = {
  killed: { status: 1, stderr: expect.stringContaining('there is no undo record') },
  'rolled back': { status: 0, stderr: expect.stringContaining('nothing to restore: all of') },
  done: { status: 0, stderr: '' },
};

describe.skipIf(notInPlace)(`signals, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  let chain: string[];
  let before: Snapshot;
  beforeEach(async () => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    const home = scratch.make('home');
    await scratch.sleepers('home', 200);
    const guest = `${scratch.name}/guest`;
    const thereAndBack = ['move-tasks', home, guest, 'move-tasks', guest, home];
    chain = [
      ...['--wait', '60', '-u', undo, 'cpuset-create', '--cpus', 'C1', guest],
      ...['cpuset-modify', '--cpus', 'C0-1', '-mm', guest, 'cpuset-create', `${guest}/inner`],
      ...Array.from({ length: 8 }, () => thereAndBack).flat(),
      ...['cpuset-delete', `${guest}/inner`, 'move-tasks', home, guest],
    ];
    before = snapshot(scratch.directory);
  });

  /** Runs the chain once unharmed, then with signals at random instants of as long a time. */
  async function disturb(rounds: number, signals: readonly Stopping[]): Promise<number[]> {
    const { whole, status } = await signalled(chain);
    const after = snapshot(scratch.directory);
    expect(status).toBe(0);
    expect(after).not.toEqual(before);
    expect((await vfioIsolate('--wait', '60', 'restore', undo)).status).toBe(0);

    const random = chance(rounds + stopping.indexOf(signals[0] ?? 'SIGINT'));
    const answers: number[] = [];
    for (let round = 0; round < rounds; round++) {
      rmSync(recordFile(undo), { force: true });
      const first = random() * whole;
      // A second one comes while the first is answered.
      const instants = signals.map((signal, index) => [signal, first + index * random() * 60] as const);
      const ended = await signalled(chain, instants);
      const fate = fateOf(ended, signals);
      expect(snapshot(scratch.directory), fate).toEqual(fate === 'done' ? after : before);
      expect(await vfioIsolate('--wait', '60', 'restore', undo), fate).toMatchObject(expectedRestore[fate]);
      expect(snapshot(scratch.directory), fate).toEqual(before);
      if (fate === 'rolled back' && ended.after !== undefined) answers.push(ended.after);
    }
    return answers.sort((a, b) => a - b);
  }

  test.each(stopping)('%s at random instants: rolled back, or too late, and then restored', async (signal) => {
    const rounds = tries(100, 8);
    const answers = await disturb(rounds, [signal]);
    expect(answers.length).toBeGreaterThan(0);
    count('signals at random instants', rounds);
    const [median = 0, last = 0] = [answers[answers.length >> 1], answers.at(-1)];
    console.info(`${signal}: rolled back and ended in ${median.toFixed()} ms, ${last.toFixed()} ms at most`);
  });

  test('a second signal does not cut the rollback short', async () => {
    const rounds = tries(60, 4);
    await disturb(rounds, ['SIGTERM', 'SIGINT']);
    count('pairs of signals at random instants', rounds);
  });

  test('one that comes after the commit changes neither the host nor the exit status', async () => {
    const random = chance(1);
    const rounds = tries(100, 6);
    const short = ['--wait', '60', '-u', undo, 'cpuset-create', `${scratch.name}/late`];
    let hits = 0;
    for (let round = 0; round < rounds; round++) {
      rmSync(recordFile(undo), { force: true });
      let at: number | undefined;
      const ended = await signalledOnce(short, 'SIGTERM', () => {
        if (existsSync(recordFile(undo)) && readFileSync(recordFile(undo), 'utf8').includes('"committed"'))
          at ??= performance.now() + random() * 10;
        return at !== undefined && performance.now() >= at;
      });
      if (ended.after !== undefined) hits++;
      expect(ended).toMatchObject({ status: 0, signal: null });
      expect(existsSync(`${scratch.directory}/late`)).toBe(true);
      expect((await vfioIsolate('--wait', '60', 'restore', undo)).status).toBe(0);
      expect(snapshot(scratch.directory)).toEqual(before);
    }
    expect(hits).toBeGreaterThan(0);
    count('signals after the commit', hits);
  });

  test('a restore stops between two steps, and a second one finishes', async () => {
    const made = Array.from({ length: 40 }, (_, index) => ['cpuset-create', `${scratch.name}/c${index}`]).flat();
    const run = () => vfioIsolate(...chain, ...made);
    expect((await run()).status).toBe(0);
    const during = snapshot(scratch.directory);
    const { whole } = await signalled(['--wait', '60', 'restore', undo]);
    const random = chance(2);
    const rounds = tries(60, 4);
    let inBetween = 0;
    for (let round = 0; round < rounds; round++) {
      rmSync(recordFile(undo), { force: true });
      expect((await run()).status).toBe(0);
      const signal = stopping[round % stopping.length] ?? 'SIGINT';
      const words = ['--wait', '60', 'restore', undo];
      // By turns at any instant, and once so many of the cpusets are gone.
      const next = Math.floor(random() * 36);
      const ended =
        round % 2 === 0
          ? await signalled(words, [[signal, random() * whole]])
          : await signalledOnce(words, signal, () => !existsSync(`${scratch.directory}/c${next}`));
      const fate = fateOf(ended, [signal]);
      const left = snapshot(scratch.directory);
      if (fate === 'done') expect(left).toEqual(before);
      if (fate === 'killed') expect(left).toEqual(during);
      if (![before, during].some((state) => isDeepStrictEqual(state, left))) inBetween++;
      expect(await vfioIsolate('--wait', '60', 'restore', undo)).toMatchObject({ status: 0 });
      expect(snapshot(scratch.directory), fate).toEqual(before);
    }
    expect(inBetween).toBeGreaterThan(0);
    count('signals while restoring', rounds);
  });
});

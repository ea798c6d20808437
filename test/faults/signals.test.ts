import { existsSync, readFileSync, rmSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { BIN, execute, vfioIsolate } from '../support/cli.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { chance } from './chance.js';
import { tries } from './extent.js';
import { count } from './figures.js';
import { type Signalled, type Stopping, signalled, statusOf, stopping } from './signalled.js';

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
    await scratch.sleepers('home', 300);
    const guest = `${scratch.name}/guest`;
    const thereAndBack = ['move-tasks', home, guest, 'move-tasks', guest, home];
    chain = [
      ...['--wait', '60', '-u', undo, 'cpuset-create', '--cpus', 'C1', guest],
      ...['cpuset-modify', '--cpus', 'C0-1', '-mm', guest, 'cpuset-create', `${guest}/inner`],
      ...Array.from({ length: 12 }, () => thereAndBack).flat(),
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
    expect((await vfioIsolate('restore', undo)).status).toBe(0);

    const random = chance(rounds + stopping.indexOf(signals[0] ?? 'SIGINT'));
    const answers: number[] = [];
    for (let round = 0; round < rounds; round++) {
      rmSync(undo, { force: true });
      const first = random() * whole;
      // A second one comes while the first is answered.
      const instants = signals.map((signal, index) => [signal, first + index * random() * 60] as const);
      const ended = await signalled(chain, instants);
      const fate = fateOf(ended, signals);
      expect(snapshot(scratch.directory), fate).toEqual(fate === 'done' ? after : before);
      expect(await vfioIsolate('restore', undo), fate).toMatchObject(expectedRestore[fate]);
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
      rmSync(undo, { force: true });
      const ended = await execute(process.execPath, [BIN, ...short], {}, async (_, child) => {
        const isOver = () => child.exitCode !== null || child.signalCode !== null;
        const committed = () => existsSync(undo) && readFileSync(undo, 'utf8').includes('"committed"');
        while (!isOver() && !committed()) await new Promise(setImmediate);
        const at = performance.now() + random() * 10;
        while (!isOver() && performance.now() < at) await new Promise(setImmediate);
        if (child.kill('SIGTERM')) hits++;
      });
      expect(ended).toMatchObject({ status: 0, signal: null });
      expect(existsSync(`${scratch.directory}/late`)).toBe(true);
      expect((await vfioIsolate('restore', undo)).status).toBe(0);
      expect(snapshot(scratch.directory)).toEqual(before);
    }
    expect(hits).toBeGreaterThan(0);
    count('signals after the commit', hits);
  });

  test('a restore stops between two steps, and a second one finishes', async () => {
    const made = Array.from({ length: 30 }, (_, index) => ['cpuset-create', `${scratch.name}/c${index}`]).flat();
    const run = () => vfioIsolate(...chain, ...made);
    expect((await run()).status).toBe(0);
    const { whole } = await signalled(['--wait', '60', 'restore', undo]);
    const random = chance(2);
    const rounds = tries(60, 4);
    let stopped = 0;
    for (let round = 0; round < rounds; round++) {
      rmSync(undo, { force: true });
      expect((await run()).status).toBe(0);
      const signal = stopping[round % stopping.length] ?? 'SIGINT';
      const ended = await signalled(['--wait', '60', 'restore', undo], [[signal, random() * whole]]);
      const fate = fateOf(ended, [signal]);
      if (fate === 'rolled back') stopped++;
      if (fate === 'done') expect(snapshot(scratch.directory)).toEqual(before);
      expect(await vfioIsolate('restore', undo)).toMatchObject({ status: 0 });
      expect(snapshot(scratch.directory), fate).toEqual(before);
    }
    expect(stopped).toBeGreaterThan(0);
    count('signals while restoring', rounds);
  });
});

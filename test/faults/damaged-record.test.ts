/** A record that was cut short or damaged: what is left of it whole counts, or nothing of it does. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RunReport } from '../../lib/index.js';
import { vfioIsolate } from '../support/cli.js';
import { recordFile } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';
import { everyKindHost, linesFor, restoring, textOf } from './every-kind.js';
import { sample, tries } from './extent.js';
import { count } from './figures.js';

const indices = (length: number) => Array.from({ length }, (_, index) => index);

/** What failed, where, why, and what to do; and that nothing was changed. */
const ONE_LINE = /^vfio-isolate: [^\n]*undo record [^\n]*, line \d+: [^\n]*\n(vfio-isolate: nothing was changed\n)?$/;

/** What a restore would do. */
const planOf = ({ commands }: RunReport) => commands.flatMap(({ changes }) => changes.map(({ text }) => text));

test('cut short at any byte, it is restored as far as its whole lines go', async () => {
  const host = everyKindHost();
  const lines = linesFor(host);
  const text = textOf(lines);
  const plans = new Map<number, string[]>();
  for (const whole of indices(lines.length + 1).slice(1)) {
    plans.set(whole, planOf(await restoring(host, textOf(lines.slice(0, whole)), { dryRun: true })));
  }
  const lengths = sample(indices(text.length + 1), 300);
  for (const length of lengths) {
    const rest = text.slice(0, length);
    const whole = rest.split('\n').length - 1;
    const report = await restoring(host, rest, { dryRun: true });
    const notes = report.commands.flatMap(({ notes }) => notes).join();
    expect(notes.includes('cut short'), `${length} bytes`).toBe(whole > 0 && !rest.endsWith('\n'));
    if (whole === 0) expect(report.error, `${length} bytes`).toMatchObject({ code: 'ERR_RECORD' });
    expect(planOf(report), `${length} bytes`).toEqual(plans.get(whole) ?? []);
  }
  count('truncated records', lengths.length);
});

test('with any bit of it flipped, it is refused', async () => {
  const host = everyKindHost();
  const bytes = Buffer.from(textOf(linesFor(host)));
  const bits = sample(indices(bytes.length * 8), 1200);
  // The last newline is one that truncation is not mistaken for.
  for (const bit of new Set([...bits, ...indices(bytes.length * 8).slice(-8)])) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const { error, commands } = await restoring(host, flipped, { dryRun: true });
    expect(error, `bit ${bit & 7} of byte ${bit >> 3}`).toMatchObject({
      code: 'ERR_RECORD',
      message: expect.stringMatching(/^undo record [^\n]{1,400}$/),
    });
    expect(commands[0]?.changes).toEqual([]);
  }
  count('flipped bits of a record', bits.length);
});

describe.skipIf(notInPlace)(`on the command line, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  let file: string;
  beforeEach(async () => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    file = recordFile(undo);
    scratch.make('home');
    await scratch.sleepers('home', 2);
  });

  const isolate = async () => {
    const [home, guest] = [`${scratch.name}/home`, `${scratch.name}/guest`];
    const words = ['-u', undo, 'cpuset-create', '--cpus', 'C1', guest, 'move-tasks', home, guest];
    expect(await vfioIsolate(...words)).toMatchObject({ status: 0, stderr: '' });
  };

  test('one with a byte changed is refused, by restore and by -u', async () => {
    await isolate();
    const before = snapshot(scratch.directory);
    const bytes = readFileSync(file);
    const number = tries(100, 6);
    const places = indices(number).map((index) => Math.floor((index * bytes.length) / number));
    for (const place of places) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(bytes.readUInt8(place) ^ 1, place);
      writeFileSync(file, damaged);
      for (const words of [
        ['restore', undo],
        ['-u', undo, 'cpuset-create', `${scratch.name}/never`],
      ]) {
        const ended = await vfioIsolate(...words);
        expect(ended, `byte ${place}`).toMatchObject({ status: 1, stdout: '' });
        expect(ended.stderr).toMatch(ONE_LINE);
      }
    }
    expect(snapshot(scratch.directory)).toEqual(before);
    count('damaged records, on the command line', 2 * places.length);
  });

  test('one cut short in its last line is restored', async () => {
    const before = snapshot(scratch.directory);
    await isolate();
    truncateSync(file, readFileSync(file).length - 1);
    const ended = await vfioIsolate('restore', undo);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/^[^\n]*was cut short[^\n]*\n$/) });
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('one of which nothing is left is refused', async () => {
    await isolate();
    const before = snapshot(scratch.directory);
    truncateSync(file, 0);
    const ended = await vfioIsolate('restore', undo);
    expect(ended).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^vfio-isolate: restore: undo record [^\n]* is empty; [^\n]*\n/),
    });
    expect(snapshot(scratch.directory)).toEqual(before);
  });
});

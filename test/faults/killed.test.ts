import { describe, expect, test } from 'vitest';
import { notInPlace, openScratch } from '../support/scratch.js';
import { benchIn } from './bench.js';
import { ALL, tries } from './extent.js';
import { killAt, killedAnywhere, killedAtRandom, restoreKilledAnywhere, traceOf } from './killing.js';
import { killedOnceRefused, rollbackKilledAnywhere } from './killing-rollback.js';
import { chainOfAll, scenes } from './scenes.js';

const place = 'v1, in place';

describe.skipIf(notInPlace)(`killed anywhere (${notInPlace ?? place})`, () => {
  test.each(scenes)('$what', async ({ what, prepare }) => {
    const scratch = openScratch();
    const words = await prepare(scratch);
    await killedAnywhere(benchIn(scratch), words, `${what}, ${place}`, ALL);
  });

  test.each(scenes)('restore of $what', async ({ what, prepare }) => {
    const scratch = openScratch();
    const words = await prepare(scratch);
    await restoreKilledAnywhere(benchIn(scratch), words, `restore of ${what}, ${place}`, tries(ALL, 8));
  });

  test('the rollback of chain of all', async () => {
    const scratch = openScratch();
    const words = await chainOfAll.prepare(scratch);
    const failing = ['cpuset-create', `${scratch.name}/none/guest`];
    await rollbackKilledAnywhere(benchIn(scratch), words, failing, `rollback, ${place}`, tries(ALL, 6));
  });

  test('the rollback of chain of all as far as it came before it was refused', async () => {
    const scratch = openScratch();
    const words = await chainOfAll.prepare(scratch);
    await killedOnceRefused(
      benchIn(scratch),
      words,
      `rollback of a refused run, ${place}`,
      tries(ALL, 3),
      tries(ALL, 3),
    );
  });

  test('at random instants', async () => {
    const scratch = openScratch();
    const words = await chainOfAll.prepare(scratch);
    await killedAtRandom(benchIn(scratch), words, `chain of all at random instants, ${place}`, tries(200, 20));
  });

  test('what kills leave beside the record is one file, and the next run takes it away', async () => {
    const scratch = openScratch();
    const bench = benchIn(scratch);
    const run = ['-u', bench.undo, 'cpuset-create', `${scratch.name}/guest`];
    const begun = (await traceOf(bench, run)).find(({ name }) => name === 'rename');
    if (begun === undefined) throw new Error('the record takes its name by no rename');
    await bench.run(['restore', bench.undo]);
    for (let kills = 0; kills < 3; kills++) await killAt(bench, run, begun);
    const record = expect.stringMatching(/^name-[0-9a-f]{64}$/);
    expect(bench.files().sort()).toEqual([record, 'unfinished']);
    await bench.run(run);
    expect(bench.files()).toEqual([record]);
  });
});

import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { notInPlace, openScratch } from '../support/scratch.js';
import { snapshot, taskset } from '../support/snapshot.js';
import { benchIn } from './bench.js';
import { ALL, tries } from './extent.js';
import { count } from './figures.js';
import { killAt, killedAnywhere, killedAtRandom, restoreKilledAnywhere, traceOf } from './killing.js';
import { killedOnceRefused, rollbackKilledAnywhere } from './killing-rollback.js';
import { chainOfAll, scenes } from './scenes.js';
import type { Call } from './trace.js';

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

  test('what a killed restore had brought back is where the next run finds it', async () => {
    const scratch = openScratch();
    const bench = benchIn(scratch);
    const [home, other, guest, elsewhere] = ['home', 'other', 'guest', 'elsewhere'].map((name) => scratch.make(name));
    const [moved = 0] = await scratch.sleepers('home', 2);
    const [set = 0] = await scratch.sleepers('elsewhere', 1);
    const seen = () => snapshot(scratch.directory);
    const before = seen();
    const cycle = (from: string) => [
      ...['-u', bench.undo, 'cpuset-modify', '--cpus', 'C0', `${other}`, 'move-tasks', from, `${guest}`],
      ...['task-affinity', 'C0', `${set}`],
    ];
    const run = async (words: string[]) => expect(await bench.run(words)).toMatchObject({ status: 0 });
    await run(cycle(`${home}`));
    const calls = await traceOf(bench, ['restore', bench.undo]);
    const last = calls.find(({ path }) => path === `${scratch.directory}/other/cpuset.cpus`);
    expect(seen()).toEqual(before);
    await bench.clear();
    await run(cycle(`${home}`));
    await killAt(bench, ['restore', bench.undo], last as Call);
    expect(scratch.read('other/cpuset.cpus')).toBe('0');
    writeFileSync(`${scratch.directory}/elsewhere/tasks`, `${moved}`);
    taskset('1', set);
    const between = seen();
    await run(cycle(`${elsewhere}`));
    await run(['restore', bench.undo]);
    expect(seen()).toEqual({ ...between, '/other cpuset.cpus': '0-1', '/other cpuset.effective_cpus': '0-1' });
    count('kills of a restore before another cycle', 1);
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

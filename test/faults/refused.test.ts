import { statSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { BIN, execute, inOwnMounts } from '../support/cli.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { type BenchInPlace, benchIn, withOwnStore } from './bench.js';
import { ALL, sample, tries } from './extent.js';
import { count } from './figures.js';
import { restored } from './killing.js';
import { refusedAnywhere, restoreRefusedAnywhere, rollbackRefusedAnywhere } from './refusing.js';
import { chainOfAll, scenes } from './scenes.js';

const place = 'v1, in place';

describe.skipIf(notInPlace)(`refused anywhere (${notInPlace ?? place})`, () => {
  let scratch: Scratch;
  let bench: BenchInPlace;
  beforeEach(() => {
    scratch = openScratch();
    bench = benchIn(scratch);
  });

  test.each(scenes)('$what', async ({ what, prepare }) => {
    await refusedAnywhere(bench, await prepare(scratch), `${what}, ${place}`, tries(ALL, 12));
  });

  test('a kernel file that takes less than it is given', async () => {
    const words = await chainOfAll.prepare(scratch);
    await refusedAnywhere(bench, words, `short writes of chain of all, ${place}`, tries(ALL, 12), ['short']);
  });

  test('the rollback itself', async () => {
    const words = await chainOfAll.prepare(scratch);
    const failing = ['cpuset-create', `${scratch.name}/none/guest`];
    await rollbackRefusedAnywhere(bench, words, failing, `rollback, ${place}`, tries(ALL, 8));
  });

  test.each(scenes)('restore of $what', async ({ what, prepare }) => {
    await restoreRefusedAnywhere(bench, await prepare(scratch), `${what}, ${place}`, tries(ALL, 6));
  });

  describe('the record', () => {
    let run: string[];
    let differences: () => Promise<string[]>;
    beforeEach(async () => {
      run = ['-u', bench.undo, ...(await chainOfAll.prepare(scratch))];
      differences = await bench.watch();
    });

    /** With files that may not grow beyond so many bytes: what is written across that is cut short. */
    const limited = (bytes: number, words: string[]) =>
      execute(...withOwnStore(bench.store, ['prlimit', `--fsize=${bytes}`, process.execPath, BIN, ...words]));
    const readOnly = (words: string[]) =>
      inOwnMounts(
        `mount --bind ${bench.store} /run/vfio-isolate; mount -o remount,ro,bind /run/vfio-isolate`,
        '--wait',
        '60',
        ...words,
      );

    test('may end at any byte', async () => {
      expect(await bench.run(run)).toMatchObject({ status: 0 });
      const { size } = statSync(bench.record);
      await restored(bench);
      const sizes = sample(
        Array.from({ length: Math.ceil(size / 17) }, (_, index) => index * 17),
        8,
      );
      for (const bytes of sizes) {
        await bench.clear();
        const ended = await limited(bytes, run);
        expect({ bytes, ...ended }).toMatchObject({ bytes, status: 1 });
        expect(ended.stderr).toMatch(/EFBIG: .*; the limit on the size of files is reached/);
        expect(ended.stderr).toMatch(/ \/run\/vfio-isolate\/name-/);
        expect({ bytes, left: await differences() }).toEqual({ bytes, left: [] });
        await restored(bench);
        expect({ bytes, left: await differences() }).toEqual({ bytes, left: [] });
      }
      count(`short writes of the record, ${place}`, sizes.length);
    });

    test('on a read-only disk nothing is begun', async () => {
      await bench.run(['-u', bench.undo, 'cpuset-create', `${scratch.name}/other`]);
      const since = await bench.watch();
      const ended = await readOnly(run);
      expect(ended).toMatchObject({ status: 1 });
      expect(ended.stderr).toMatch(/EROFS: /);
      expect(await since()).toEqual([]);
      await restored(bench);
      expect(await differences()).toEqual([]);
    });

    test('that cannot be marked is restored all the same', async () => {
      expect(await bench.run(run)).toMatchObject({ status: 0 });
      const ended = await limited(statSync(bench.record).size, ['restore', bench.undo]);
      expect(ended).toMatchObject({ status: 0 });
      expect(ended.stderr).toContain('the record could not be marked as undone: ');
      expect(ended.stderr).toContain('EFBIG');
      expect(await differences()).toEqual([]);
      await restored(bench);
      expect(await differences()).toEqual([]);
    });
  });
});

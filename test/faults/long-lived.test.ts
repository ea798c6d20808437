import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { execute } from '../support/cli.js';
import { notInPlace, openScratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';
import { tries } from './extent.js';
import { count } from './figures.js';

const SCRIPT = join(import.meta.dirname, 'long-lived.js');

interface Sample {
  readonly turn: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly descriptors: number;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

describe.skipIf(notInPlace)(`one process that lives long (${notInPlace ?? 'v1'})`, () => {
  test('holds no more memory and no more descriptors the longer it applies and restores', async () => {
    const scratch = openScratch();
    const home = scratch.make('home');
    const [pid] = await scratch.sleepers('home', 3);
    const before = snapshot(scratch.directory);
    const turns = tries(10_000, 200);
    const words = [
      home,
      `${scratch.name}/guest`,
      String(pid),
      `${scratch.folder}/undo`,
      String(turns),
      String(turns / 40),
    ];
    const ended = await execute(process.execPath, ['--expose-gc', SCRIPT, ...words]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(snapshot(scratch.directory)).toEqual(before);

    const samples = ended.stdout
      .trimEnd()
      .split('\n')
      .map((line): Sample => JSON.parse(line));
    expect(samples.length).toBe(41);
    // From the first on: node's own are all open by then.
    expect(new Set(samples.slice(1).map(({ descriptors }) => descriptors)).size, ended.stdout).toBe(1);
    // The first quarter warms up: code is compiled, caches and the allocator's arenas fill.
    const [early, late] = [samples.slice(10, 25), samples.slice(26)];
    const between = (late.length * turns) / 40;
    const growth = (of: (sample: Sample) => number) => (median(late.map(of)) - median(early.map(of))) / between;
    // In full, less than the smallest thing that a turn could leave: its path. In short, code is still being compiled, which
    // was seen to take 1,700 bytes a turn; a record that stays, or a report, has more than that. The arenas of the allocator fill by far more.
    const bound = { heapUsed: tries(100, 4096), external: tries(20, 200), rss: tries(2048, 524_288) };
    for (const what of ['heapUsed', 'external', 'rss'] as const) {
      expect(
        growth((sample) => sample[what]),
        `bytes of ${what} a turn`,
      ).toBeLessThan(bound[what]);
    }
    count('applies and restores in one process', turns);
    const heap = samples.map(({ heapUsed }) => (heapUsed / 2 ** 20).toFixed(1));
    process.stderr.write(`heap in MiB: ${heap.join(' ')}\n`);
  });
});

/** What a kill at any instant would find: a new record and its name are there before the first change is made. */
import { describe, expect, test } from 'vitest';
import { notInPlace, openScratch } from '../support/scratch.js';
import { benchIn } from './bench.js';
import { type Call, changingCalls, tracing } from './trace.js';

describe.skipIf(notInPlace)(`a new record, in place (${notInPlace ?? 'v1'})`, () => {
  test('comes before the first change', async () => {
    const scratch = openScratch();
    const { undo, log, run, readLog } = benchIn(scratch);
    expect(await run(['-u', undo, 'cpuset-create', `${scratch.name}/guest`], tracing(log))).toMatchObject({
      status: 0,
    });
    const calls = changingCalls(await readLog());
    const first = (wanted: (call: Call) => boolean) => calls.findIndex(wanted);
    const order = {
      header: first(({ name, path }) => name === 'pwrite64' && path.endsWith('/unfinished')),
      named: first(({ name }) => name === 'rename'),
      step: first(({ name, path }) => name === 'pwrite64' && /\/name-[0-9a-f]+$/.test(path)),
      changed: first(({ path }) => path.startsWith(scratch.directory)),
    };
    const indices = Object.values(order);
    expect(indices, 'each was made').not.toContain(-1);
    expect(indices, JSON.stringify(order)).toEqual(indices.toSorted((a, b) => a - b));
  });
});

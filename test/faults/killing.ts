/** Kills a run at each call by which it changes something, and has the host restored. */
import { expect } from 'vitest';
import type { Bench, BenchInPlace } from './bench.js';
import { sample } from './extent.js';
import { count } from './figures.js';
import { random } from './random.js';
import { type Call, changingCalls, faulting, hit, nameOf, tracing } from './trace.js';

/** strace may be late for a call that another thread was about to make: such a kill is tried again, and never counted. */
const AIMS = 3;

/** @param inShort how many of the calls are tried where not all are */
export async function killedAnywhere(bench: Bench, words: string[], what: string, inShort: number): Promise<void> {
  const differences = await bench.watch();
  const run = ['-u', bench.undo, ...words];
  const calls = await traceOf(bench, run);
  await restored(bench);
  expect(await differences()).toEqual([]);
  await walk(calls, inShort, what, async (call) => {
    await bench.clear();
    await killAt(bench, run, call, async () => {
      await restored(bench);
      await bench.clear();
    });
    await restored(bench);
    return differences();
  });
}

/** Likewise of a restore; a second one finishes it. */
export async function restoreKilledAnywhere(
  bench: Bench,
  words: string[],
  what: string,
  inShort: number,
): Promise<void> {
  const differences = await bench.watch();
  const prepare = async () => {
    await bench.clear();
    await good(bench, ['-u', bench.undo, ...words]);
  };
  await prepare();
  const calls = await traceOf(bench, ['restore', bench.undo]);
  await walk(calls, inShort, what, async (call) => {
    await killAt(bench, ['restore', bench.undo], call, prepare);
    await restored(bench);
    return differences();
  });
}

/** Kills runs of these words, and the restores of every other one, whenever chance has it. */
export async function killedAtRandom(bench: BenchInPlace, words: string[], what: string, kills: number): Promise<void> {
  const run = ['-u', bench.undo, ...words];
  const restore = ['restore', bench.undo];
  const differences = await bench.watch();
  const lasts = async (timed: string[]) => {
    const began = performance.now();
    await good(bench, timed);
    return performance.now() - began;
  };
  const [whole, back] = [await lasts(run), await lasts(restore)];
  const chance = random(kills);
  const lost: string[] = [];
  const met = { ended: 0, unchanged: 0, changed: 0 };
  for (let kill = 0; kill < kills; kill++) {
    await bench.clear();
    const ofRestore = kill % 4 === 3;
    if (ofRestore) await good(bench, run);
    // Only as it ends is node busy with the host: the first half is its own start.
    const instant = Math.round((ofRestore ? back : whole) * (0.4 + 0.6 * chance()));
    const { status } = await bench.runFor(instant, ofRestore ? restore : run);
    met[status !== 137 ? 'ended' : (await differences()).length === 0 ? 'unchanged' : 'changed']++;
    await restored(bench);
    lost.push(...(await differences()).map((line) => `after ${instant} ms: ${line}`));
    if (lost.length > 0) break;
  }
  process.stderr.write(`${what}, and the host it left: ${JSON.stringify(met)}\n`);
  count(`kills of ${what}`, kills, Number(lost.length > 0));
  expect(lost).toEqual([]);
  expect(met.changed).toBeGreaterThan(kills / 10);
}

/** The changing calls of a run that is left alone. */
export async function traceOf(bench: Bench, words: string[], status = 0): Promise<Call[]> {
  expect(await bench.run(words, tracing(bench.log))).toMatchObject({ status });
  return changingCalls(await bench.readLog());
}

/** Kills at each call, and sees that these were the calls meant. @param kill returns what is lost by a kill there */
async function walk(
  calls: readonly Call[],
  inShort: number,
  what: string,
  kill: (call: Call) => Promise<string[]>,
): Promise<void> {
  const tried = sample(calls, inShort);
  const lost: string[] = [];
  for (const call of tried) {
    lost.push(...(await kill(call)).map((line) => `${nameOf(call)}: ${line}`));
    if (lost.length > 0) break;
  }
  process.stderr.write(`${what}: ${calls.length} changing calls, killed at ${tried.length}\n`);
  count(`kills of ${what}`, tried.length, Number(lost.length > 0));
  expect(lost).toEqual([]);
  expect(new Set(calls.map(nameOf)).size).toBe(calls.length);
}

/** Kills a run as it enters a call, and sees from its log that it was this one. @param again makes ready for another try */
export async function killAt(bench: Bench, words: string[], call: Call, again = async () => {}): Promise<void> {
  for (let aim = 1; ; aim++) {
    const { status } = await bench.run(words, faulting(bench.log, call, 'signal=SIGKILL'));
    const killed = hit(await bench.readLog()).map(nameOf);
    if (status === 137 && killed.length === 1 && killed[0] === nameOf(call)) return;
    if (aim === AIMS) expect({ status, killed }).toEqual({ status: 137, killed: [nameOf(call)] });
    await again();
  }
}

/** Restores from the record; where there is none, says so. */
export async function restored(bench: Bench): Promise<void> {
  const isThere = await bench.hasRecord();
  const ended = await bench.run(['restore', bench.undo]);
  expect(ended).toMatchObject({ status: isThere ? 0 : 1 });
  if (!isThere) expect(ended.stderr).toMatch(/there is no undo record/);
}

async function good(bench: Bench, words: string[]): Promise<void> {
  expect(await bench.run(words)).toMatchObject({ status: 0, stderr: '' });
}

/** Kills a run at each call by which it changes something, and has the host restored. */
import { expect } from 'vitest';
import type { Bench, BenchInPlace } from './bench.js';
import { chance } from './chance.js';
import { spread } from './extent.js';
import { count } from './figures.js';
import { type Call, changingCalls, faulting, hit, nameOf, tracing } from './trace.js';

/** strace may be late for a call that another thread was about to make: such a kill is tried again, and never counted. */
const AIMS = 3;

/** @param most how many of the calls are tried */
export async function killedAnywhere(bench: Bench, words: string[], what: string, most: number): Promise<void> {
  const differences = await bench.watch();
  const run = ['-u', bench.undo, ...words];
  const calls = await traceOf(bench, run);
  await restored(bench);
  expect(await differences()).toEqual([]);
  await walk(calls, most, what, differences, (call) => killAndRestore(bench, run, call));
}

/** Kills a run that begins anew at a call, and has the host restored. @returns the call that was killed */
export async function killAndRestore(bench: Bench, run: string[], call: Call, strace?: string[]): Promise<Call> {
  const clear = async () => {
    await restored(bench);
    await bench.clear();
  };
  await bench.clear();
  const killed = await killAt(bench, run, call, clear, strace);
  await restored(bench);
  return killed;
}

/** Likewise of a restore; a second one finishes it. */
export async function restoreKilledAnywhere(bench: Bench, words: string[], what: string, most: number): Promise<void> {
  const differences = await bench.watch();
  const prepare = async () => {
    await bench.clear();
    await good(bench, ['-u', bench.undo, ...words]);
  };
  await prepare();
  const calls = await traceOf(bench, ['restore', bench.undo]);
  expect(await differences()).toEqual([]);
  await walk(calls, most, what, differences, async (call) => {
    await prepare();
    const killed = await killAt(bench, ['restore', bench.undo], call, prepare);
    await restored(bench);
    return killed;
  });
}

/** Kills runs of these words, and restores of every fourth, whenever chance has it. */
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
  const next = chance(kills);
  const lost: string[] = [];
  const met = { ended: 0, unchanged: 0, changed: 0 };
  for (let kill = 0; kill < kills; kill++) {
    await bench.clear();
    const ofRestore = kill % 4 === 3;
    if (ofRestore) await good(bench, run);
    // Only as it ends is node busy with the host: the first half is its own start.
    const instant = Math.round((ofRestore ? back : whole) * (0.4 + 0.6 * next()));
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

/**
 * The calls by which a run whose last command fails is rolled back.
 * @param words of a run that holds
 * @param failing of that last command
 */
export async function callsOfRollback(bench: Bench, words: string[], failing: string[]): Promise<readonly Call[]> {
  const run = ['-u', bench.undo, ...words];
  const differences = await bench.watch();
  const held = await traceOf(bench, run);
  await restored(bench);
  await bench.clear();
  const whole = await traceOf(bench, [...run, ...failing], 1);
  expect(await differences()).toEqual([]);
  // A run that holds ends with a line of the record, written and flushed.
  return whole.slice(held.length - 2);
}

/**
 * Walks over calls.
 * @param kill kills at a call, has the host restored, and tells which call it was that strace killed
 */
export async function walk(
  calls: readonly Call[],
  most: number,
  what: string,
  differences: () => Promise<string[]>,
  kill: (call: Call) => Promise<Call>,
): Promise<void> {
  const tried = spread(calls, most);
  const killed: Call[] = [];
  const lost: string[] = [];
  for (const call of tried) {
    killed.push(await kill(call));
    lost.push(...(await differences()).map((line) => `${nameOf(call)}: ${line}`));
    if (lost.length > 0) break;
  }
  const different = new Set(killed.map(nameOf)).size;
  process.stderr.write(`${what}: ${calls.length} changing calls, killed at ${different}\n`);
  count(`kills of ${what}`, killed.length, Number(lost.length > 0));
  expect(lost).toEqual([]);
  expect(killed.map(nameOf)).toEqual(tried.map(nameOf));
  expect(different).toBe(tried.length);
}

/**
 * Kills a run as it enters a call. @param again makes ready for another try
 * @returns the call that strace's log says was killed
 */
export async function killAt(
  bench: Bench,
  words: string[],
  call: Call,
  again = async () => {},
  strace = faulting(bench.log, call, 'signal=SIGKILL'),
): Promise<Call> {
  for (let aim = 1; ; aim++) {
    const { status } = await bench.run(words, strace);
    const killed = hit(await bench.readLog()).find(({ result }) => result === '');
    if (status === 137 && killed !== undefined && (nameOf(killed) === nameOf(call) || aim === AIMS)) return killed;
    if (aim === AIMS) throw new Error(`${nameOf(call)} was not killed: status ${status}`);
    await again();
  }
}

/** Restores from the record; where there is none, says so. */
export async function restored(bench: Bench): Promise<void> {
  const isThere = await bench.hasRecord();
  const { status, stderr } = await bench.run(['restore', bench.undo]);
  const wanted = isThere
    ? { status: 0, stderr }
    : { status: 1, stderr: expect.stringMatching(/there is no undo record/) };
  expect({ status, stderr }, stderr).toEqual(wanted);
}

async function good(bench: Bench, words: string[]): Promise<void> {
  expect(await bench.run(words)).toMatchObject({ status: 0 });
}

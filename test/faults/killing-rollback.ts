/** Kills a run while it takes back what it has done, at each call of that; the record then has what is left. */
import { expect } from 'vitest';
import type { Bench } from './bench.js';
import { spread } from './extent.js';
import { callsOfRollback, killAndRestore, traceOf, walk } from './killing.js';
import { outcomeOf } from './refusing.js';
import { type Call, changingCalls, hit, nameOf, refusing } from './trace.js';

/** Kills the rollback of all that a run did. @param most how many of its calls are tried */
export async function rollbackKilledAnywhere(
  bench: Bench,
  words: string[],
  failing: string[],
  what: string,
  most: number,
): Promise<void> {
  const differences = await bench.watch();
  const calls = await callsOfRollback(bench, words, failing);
  const run = ['-u', bench.undo, ...words, ...failing];
  await walk(calls, most, what, differences, (call) => killAndRestore(bench, run, call));
}

/**
 * Has a call of a run fail, and kills the rollback of what it had done by then.
 * @param refusals how many of the run's calls are refused in turn
 * @param kills how many calls of each rollback are tried
 */
export async function killedOnceRefused(
  bench: Bench,
  words: string[],
  what: string,
  refusals: number,
  kills: number,
): Promise<void> {
  const run = ['-u', bench.undo, ...words];
  const differences = await bench.watch();
  const calls = await traceOf(bench, run);
  const back = await traceOf(bench, ['restore', bench.undo]);
  const paths = new Set([...calls, ...back].map(({ filter }) => filter).filter(Boolean));
  // Opening counts where it creates, and strace would count each.
  const aimed = firstOfNumber(calls).filter((call) => call.name !== 'openat' && outcomeOf(call, 'EIO') === 'fails');
  for (const refused of spread(aimed, refusals)) {
    await bench.clear();
    const since = await callsSince(bench, run, refused, refusing(bench.log, paths, refused));
    expect(await differences()).toEqual([]);
    process.stderr.write(`refused: ${nameOf(refused)}\n`);
    await walk(
      since.filter(({ name }) => name !== refused.name),
      kills,
      what,
      differences,
      (call) => killAndRestore(bench, run, call, refusing(bench.log, paths, refused, call)),
    );
  }
}

/** What a run does once a call of it was refused. */
async function callsSince(bench: Bench, run: string[], refused: Call, strace: string[]): Promise<readonly Call[]> {
  expect(await bench.run(run, strace)).toMatchObject({ status: 1 });
  const log = await bench.readLog();
  expect(hit(log).map(nameOf)).toEqual([nameOf(refused)]);
  const all = changingCalls(log);
  const before = all.slice(0, all.findIndex((call) => nameOf(call) === nameOf(refused)) + 1);
  return firstOfNumber(all).filter((call) => !before.includes(call));
}

/** Those that a number aims at: strace counts for each thread, and the one that comes to it first meets the fault. */
function firstOfNumber(calls: readonly Call[]): Call[] {
  const isSame = (a: Call, b: Call) => a.name === b.name && a.ofName === b.ofName;
  return calls.filter((call) => call.ofName > 0 && calls.find((other) => isSame(other, call)) === call);
}

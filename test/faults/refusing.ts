/** Has each call by which a run changes something fail, and sees that the run tells why and leaves nothing behind. */
import { dirname } from 'node:path';
import { expect } from 'vitest';
import type { Bench } from './bench.js';
import { mixed, spread } from './extent.js';
import { count } from './figures.js';
import { callsOfRollback, restored, traceOf } from './killing.js';
import { type Call, faulting, hit, nameOf } from './trace.js';

/** What a call meets: an error of the kernel's, or that a write takes all but the last byte. */
const FAULTS = ['ENOSPC', 'EACCES', 'EBUSY', 'EINVAL', 'EIO', 'EINTR', 'short'] as const;
type Fault = (typeof FAULTS)[number];

/** As the tool names it. */
const errorOf = (fault: Fault) => (fault === 'short' ? 'EIO' : fault);

/** As strace puts it. */
const injected = (fault: Fault, { result }: Call) =>
  fault === 'short' ? `retval=${Number(result) - 1}` : `error=${fault}`;

/**
 * What becomes of a run. It gets over, by asking again, a call that a signal cut short, and tasks that are just being born
 * or going; and a folder that cannot be made where it is there already. Interrupts that take no mask are told, and no
 * failure.
 */
export function outcomeOf({ name, path }: Call, fault: Fault): 'gets over it' | 'tells of it' | 'fails' {
  const error = errorOf(fault);
  if (error === 'EINTR') return 'gets over it';
  // The link from the record's name, which nobody needs.
  if (name === 'unlink' && !/^\/(run|sys|proc)\//.test(path)) return 'gets over it';
  const passing = error === 'EINVAL' || error === 'EBUSY';
  if (passing && /\/(tasks|cgroup\.procs|cgroup\.threads)$/.test(path)) return 'gets over it';
  if (error === 'EBUSY' && name === 'unlinkat') return 'gets over it';
  if (name === 'mkdir' && path.startsWith('/run/') && error !== 'EACCES' && error !== 'ENOSPC') return 'gets over it';
  const isTold = error === 'EIO' || error === 'ENOSPC' || error === 'EACCES';
  return isTold && /^\/proc\/irq\/\d/.test(path) ? 'tells of it' : 'fails';
}

/** @param most how many pairs of a call and a fault are tried */
export async function refusedAnywhere(
  bench: Bench,
  words: string[],
  what: string,
  most: number,
  kinds: readonly Fault[] = FAULTS,
): Promise<void> {
  const run = ['-u', bench.undo, ...words];
  const differences = await bench.watch();
  const calls = await refusableCalls(bench, run);
  const meant = await differences();
  expect(meant).not.toEqual([]);
  await restored(bench);
  const faults = spread(pairs(calls, kinds), most);
  const lost: string[] = [];
  for (const { call, kind } of faults) {
    await bench.clear();
    const ended = await refuseAt(bench, run, call, injected(kind, call));
    const fault = `${nameOf(call)}: ${kind}`;
    const outcome = isOfBoundTask(call, ended.status) ? 'gets over it' : outcomeOf(call, kind);
    const status = outcome === 'fails' ? 1 : 0;
    const told = outcome === 'gets over it' ? expect.any(String) : expect.stringContaining(errorOf(kind));
    expect({ fault, ...ended }).toMatchObject({ fault, status, stderr: told });
    if (outcome === 'fails') {
      expect({ fault, told: tellsOf(call, ended.stderr) || ended.stderr }).toEqual({ fault, told: true });
      expect({ fault, left: await differences() }).toEqual({ fault, left: [] });
    } else if (outcome === 'gets over it') {
      expect({ fault, done: await differences() }).toEqual({ fault, done: meant });
    }
    await restored(bench);
    lost.push(...(await differences()).map((line) => `${fault}: ${line}`));
    if (lost.length > 0) break;
  }
  count(`refusals of ${what}`, faults.length, Number(lost.length > 0));
  expect(lost).toEqual([]);
}

/**
 * Which task the nth write moves is another in each run. Of a kernel thread that is bound to its CPUs any refusal is as good
 * as the one that it meets without a fault; of all others the run has to fail, or they would be seen to be elsewhere.
 */
const isOfBoundTask = ({ path }: Call, status: number | null) => path.endsWith('/tasks') && status === 0;

/**
 * The same of the calls by which a run is rolled back, from then on for good: what is left is kept, and told.
 * @param words of a run that holds
 * @param failing of a last command that fails
 */
export async function rollbackRefusedAnywhere(
  bench: Bench,
  words: string[],
  failing: string[],
  what: string,
  most: number,
): Promise<void> {
  const run = ['-u', bench.undo, ...words, ...failing];
  const differences = await bench.watch();
  const calls = spread(await callsOfRollback(bench, words, failing), most);
  let [kept, lost] = [0, [] as string[]];
  for (const call of calls) {
    await bench.clear();
    const { status, stderr } = await refuseAt(bench, run, call, 'error=EIO', true);
    expect(status).toBe(1);
    const left = await differences();
    if (left.length > 0) {
      kept++;
      expect(stderr).toMatch(/rollback: .*EIO/);
      expect(stderr).toContain(`the rest is in the undo file, so try: vfio-isolate restore ${bench.undo}\n`);
    }
    await restored(bench);
    lost = (await differences()).map((line) => `${nameOf(call)}: ${line}`);
    if (lost.length > 0) break;
  }
  process.stderr.write(`${what}: ${calls.length} calls, of which ${kept} left something to restore\n`);
  count(`refusals of ${what}`, calls.length, Number(lost.length > 0));
  expect(lost).toEqual([]);
  expect(kept).toBeGreaterThan(0);
}

/**
 * The same of the calls of a restore: it gets over the error or tells of it and keeps what is left, which a second one
 * finishes. @param most how many pairs of a call and a fault are tried
 */
export async function restoreRefusedAnywhere(bench: Bench, words: string[], what: string, most: number): Promise<void> {
  const differences = await bench.watch();
  const prepare = async () => {
    await bench.clear();
    expect(await bench.run(['-u', bench.undo, ...words])).toMatchObject({ status: 0 });
  };
  await prepare();
  const restore = ['restore', bench.undo];
  const calls = await refusableCalls(bench, restore);
  expect(await differences()).toEqual([]);
  const all = pairs(calls, FAULTS);
  const faults = spread(all, most);
  let [kept, lost] = [0, [] as string[]];
  for (const { call, kind } of faults) {
    await prepare();
    const { status, stderr } = await refuseAt(bench, restore, call, injected(kind, call));
    const fault = `${nameOf(call)}: ${kind}`;
    const left = await differences();
    if (left.length > 0) {
      kept++;
      expect({ fault, status, stderr }).toEqual({ fault, status: 1, stderr: expect.stringContaining(errorOf(kind)) });
    }
    await restored(bench);
    lost = (await differences()).map((line) => `${fault}: ${line}`);
    if (lost.length > 0) break;
  }
  process.stderr.write(`restore of ${what}: ${faults.length} faults, of which ${kept} left something to restore\n`);
  count(`refusals of restore of ${what}`, faults.length, Number(lost.length > 0));
  expect(lost).toEqual([]);
  // a sample may be of calls that it gets over
  if (most >= all.length) expect(kept).toBeGreaterThan(0);
}

/** Those that a run makes and that can fail: sync(2) cannot. */
async function refusableCalls(bench: Bench, words: string[]): Promise<readonly Call[]> {
  return (await traceOf(bench, words)).filter(({ name }) => name !== 'sync');
}

/** Every call with every fault that it may meet. */
function pairs(calls: readonly Call[], kinds: readonly Fault[]): { call: Call; kind: Fault }[] {
  const all = mixed(calls, kinds).map(([call, kind]) => ({ call, kind }));
  return all.filter(({ call, kind }) => kind !== 'short' || isWrite(call));
}

const isWrite = ({ name, result }: Call) => /^p?write/.test(name) && Number(result) > 0;

/** Has a call of a run fail, and sees from the log that it was this one. */
async function refuseAt(bench: Bench, words: string[], call: Call, fault: string, on = false) {
  const ended = await bench.run(words, faulting(bench.log, call, fault, on));
  const refused = hit(await bench.readLog()).map(nameOf);
  expect(refused[0]).toBe(nameOf(call));
  return ended;
}

/** Whether a message names what was refused: a task by its number. */
function tellsOf({ name, path }: Call, message: string): boolean {
  if (name === 'sched_setaffinity') return /task \d+/.test(message);
  return message.includes(path) || message.includes(dirname(path));
}

import { isDeepStrictEqual } from 'node:util';
import { beforeEach, expect, test } from 'vitest';
import type { Guest } from '../../vm/guest.js';
import { sleepers } from '../../vm/sleepers.js';
import type { Bench } from '../bench.js';
import { benchOn } from '../bench-guest.js';
import { ALL, mixed, spread, tries } from '../extent.js';
import { callsOfRun, type Failure, failures, lasts, prepareFailures, runWith } from '../failing-systemd.js';
import { count } from '../figures.js';
import { restored } from '../killing.js';

/** Seconds: a call that is never answered takes thirty of them. */
const LIMIT = 240;

const chain = `cpuset-modify --cpus C0 /system.slice cpuset-create --cpus C1 /guest.slice
  move-tasks /home.slice /guest.slice cpuset-modify --cpus C0 /init.scope`.split(/\s+/);

interface Fault {
  /** Which of the run's calls, from 1, and its words. */
  readonly at: number;
  readonly call: string;
  readonly failure: Failure;
}

/** systemd refuses, hangs, answers nonsense or dies at any call that a run, or a restore, makes of it. */
export function systemdFails(guest: Guest): void {
  let bench: Bench;
  let run: string[];
  let restore: string[];
  let differences: () => Promise<string[]>;
  beforeEach(async () => {
    bench = await benchOn(guest);
    [run, restore] = [
      ['-u', bench.undo, ...chain],
      ['restore', bench.undo],
    ];
    await prepareFailures(guest);
    if ((await guest.sh('[ -e /sys/fs/cgroup/home.slice/tasks ]')).status !== 0) {
      // the first transient unit enables controllers for good
      await guest.must('systemd-run -q --wait true; vfio-isolate cpuset-create --cpus Call /home.slice');
      await sleepers(guest, { moved: '0-1', 'on-1': '1' }, '/sys/fs/cgroup/home.slice/tasks/cgroup.procs');
    }
    // A unit that was narrowed keeps all CPUs by name for as long as others, such as this slice, have the controller in use.
    await bench.clear();
    expect(await bench.run(run)).toMatchObject({ status: 0 });
    await restored(bench);
    await bench.clear();
    differences = await bench.watch();
  });

  /** Every failure at every call of a run that is left alone. */
  async function faultsOf(words: string[], most: number): Promise<readonly Fault[]> {
    expect(await runWith(guest, words, 0, 'is refused', LIMIT)).toMatchObject({ status: 0 });
    const calls = (await callsOfRun(guest)).map((call, index) => ({ call, at: index + 1 }));
    return spread(mixed(calls, failures), most).map(([call, failure]) => ({ ...call, failure }));
  }

  /**
   * Has each fault befall such a run, and then restores.
   * @param held what is different once a run of them has held
   * @returns what went otherwise than it has to, up to the first loss
   */
  async function walk(
    words: string[],
    faults: readonly Fault[],
    prepare: () => Promise<void>,
    held: readonly string[],
  ) {
    const wrong: unknown[] = [];
    for (const fault of faults) {
      await prepare();
      const { status, stderr } = await runWith(guest, words, fault.at, fault.failure, LIMIT);
      const left = await differences();
      const found = { fault, status, stderr, left };
      if (!isRight(found, held)) wrong.push(found);
      const again = await bench.run(['restore', bench.undo]);
      const lost = await differences();
      if (again.status !== 0 || lost.length > 0) return [...wrong, { ...found, again, lost }];
    }
    return wrong;
  }

  function isRight({ fault, status, stderr, left }: Found, held: readonly string[]): boolean {
    if (status === 0) return isDeepStrictEqual(left, held);
    if (status !== 1 || !TOLD.test(stderr)) return false;
    // A restore leaves the rest for the next one.
    if (left.length === 0 || held.length === 0) return true;
    const kept = `the rest is in the undo file, so try: vfio-isolate restore ${bench.undo}\n`;
    return lasts(fault.failure) && stderr.includes(kept);
  }

  test('at any call of a run', async () => {
    const faults = await faultsOf(run, tries(ALL, 8));
    const meant = await differences();
    await restored(bench);
    const wrong = await walk(run, faults, bench.clear, meant);
    count('failures of systemd in a run', faults.length, wrong.length);
    expect(wrong).toEqual([]);
  });

  test('at any call of a restore', async () => {
    const prepare = async () => {
      await bench.clear();
      expect(await bench.run(run)).toMatchObject({ status: 0 });
    };
    await prepare();
    const faults = await faultsOf(restore, tries(ALL, 8));
    expect(await differences()).toEqual([]);
    const wrong = await walk(restore, faults, prepare, []);
    count('failures of systemd in a restore', faults.length, wrong.length);
    expect(wrong).toEqual([]);
  });
}

interface Found {
  readonly fault: Fault;
  readonly status: number;
  readonly stderr: string;
  /** What is otherwise than before. */
  readonly left: readonly string[];
}

/** What failed, and what to do about it. */
const TOLD = /^vfio-isolate: .*; (see |.*restore again)/m;

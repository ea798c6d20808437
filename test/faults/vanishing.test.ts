/** Tasks that pass what they are on to the next and exit, faster than they can be looked at. */
import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { vfioIsolate } from '../support/cli.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { tries } from './extent.js';
import { count } from './figures.js';
import { compileLoad, noLoads } from './loads.js';

const skipped = notInPlace ?? noLoads;

describe.skipIf(skipped)(`tasks that vanish when looked at, in place (${skipped ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  let stop: string;
  beforeEach(() => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    stop = `${scratch.folder}/stop`;
    scratch.make('home');
  });
  // Nobody can kill what is a process of its own each time.
  afterEach(async () => {
    writeFileSync(stop, '');
    await expect.poll(() => [...scratch.tids('.'), ...scratch.tids('home')], { timeout: 60_000 }).toEqual([]);
  });

  test('what is another process each time goes home, out of a cpuset of ours and of somebody else', async () => {
    const hop = compileLoad('hop', scratch.folder);
    for (let round = 0; round < tries(6, 2); round++) {
      const [ours, guest] = [round % 2 === 0, `guest-${round}`];
      if (!ours) scratch.make(guest);
      const chain = ours ? ['cpuset-create', `${scratch.name}/${guest}`] : [];
      const move = ['move-tasks', `${scratch.name}/home`, `${scratch.name}/${guest}`];
      expect(await vfioIsolate('--wait', '60', '-u', undo, ...chain, ...move)).toMatchObject({ status: 0, stderr: '' });
      await scratch.start(guest, `exec ${hop} ${stop}`);
      expect(await vfioIsolate('--wait', '60', 'restore', undo)).toMatchObject({ status: 0, stderr: '' });
      expect(existsSync(`${scratch.directory}/${guest}`)).toBe(!ours);
      await expect.poll(() => scratch.tids('home').length).toBeGreaterThan(round);
      if (!ours) expect(scratch.tids(guest)).toEqual([]);
      count('processes that fork and exit moved back', 1);
    }
  });
});

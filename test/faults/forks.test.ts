/** Tasks that are born and exit by the thousand while they are moved, both ways. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { nothingButOrphans, vfioIsolate } from '../support/cli.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { tries } from './extent.js';
import { count } from './figures.js';

const FORKERS = 2;
/** So many each at most, whatever the machine. */
const MOST = 700;

describe.skipIf(notInPlace)(`tasks that fork while they are moved, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  beforeEach(() => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    scratch.make('home');
  });

  /**
   * Shells that wait, stopped, to be continued; then each bears two children at a time, of which one exits at once, until
   * it is told to end, writes how many have stayed, and stops again.
   */
  async function forkers(waves: readonly string[]): Promise<number[]> {
    const wave = (name: string) => `kill -STOP $$; i=0
      while [ ! -e ${scratch.folder}/end-${name} ] && [ $i -lt ${MOST} ]; do sleep 1000 & : & i=$((i+1)); done
      echo $i > ${scratch.folder}/born-${name}-$$`;
    const script = `echo ready; ${waves.map(wave).join('\n')}; kill -STOP $$`;
    const shells = await Promise.all(Array.from({ length: FORKERS }, () => scratch.start('home', script)));
    return shells.map(({ pid = 0 }) => pid);
  }

  /** Lets them fork while something happens. @returns how many were born and stayed */
  async function whileForking(pids: readonly number[], wave: string, cpuset: string, act: () => Promise<void>) {
    await expect.poll(() => pids.every(isStopped)).toBe(true);
    const before = scratch.tids(cpuset).length;
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await expect.poll(() => scratch.tids(cpuset).length, { interval: 5 }).toBeGreaterThan(before + 30);
    await act();
    writeFileSync(`${scratch.folder}/end-${wave}`, '');
    await expect.poll(() => pids.every(isStopped), { timeout: 20_000 }).toBe(true);
    const counts = readdirSync(scratch.folder).filter((name) => name.startsWith(`born-${wave}-`));
    expect(counts.length).toBe(FORKERS);
    return counts.reduce((sum, name) => sum + Number(readFileSync(`${scratch.folder}/${name}`, 'utf8')), 0);
  }

  test('none is left behind and none is lost, on the way there and back', async () => {
    const rounds = tries(4, 1);
    const waves = Array.from({ length: rounds }, (_, round) => [`there-${round}`, `back-${round}`]);
    const pids = await forkers(waves.flat());
    let tasks = FORKERS;
    for (const [there = '', back = ''] of waves) {
      const chain = ['-u', undo, 'cpuset-create', `${scratch.name}/guest`];
      const move = ['move-tasks', `${scratch.name}/home`, `${scratch.name}/guest`];
      tasks += await whileForking(pids, there, 'home', async () => {
        expect(await vfioIsolate('--wait', '60', ...chain, ...move)).toMatchObject({ status: 0, stderr: '' });
        expect(scratch.tids('home')).toEqual([]);
      });
      await expect.poll(() => scratch.tids('guest').length).toBe(tasks);
      expect([scratch.tids('home'), scratch.tids('.')]).toEqual([[], []]);
      count('forking tasks moved', tasks);

      tasks += await whileForking(pids, back, 'guest', async () => {
        const restored = await vfioIsolate('--wait', '60', 'restore', undo);
        expect(restored).toMatchObject({ status: 0, stderr: expect.stringMatching(nothingButOrphans) });
        expect(existsSync(`${scratch.directory}/guest`)).toBe(false);
      });
      await expect.poll(() => scratch.tids('home').length).toBe(tasks);
      expect(scratch.tids('.')).toEqual([]);
      count('forking tasks moved back', tasks);
    }
  });
});

function isStopped(pid: number): boolean {
  return / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

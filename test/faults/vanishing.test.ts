/** Tasks that pass what they are on to the next and exit, faster than they can be looked at. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Host, openHost } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { nothingButOrphans, vfioIsolate } from '../support/cli.js';
import { recordFile, rewrite } from '../support/record.js';
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
  afterEach(() => writeFileSync(stop, ''));

  test('what is another process each time goes home, out of a cpuset of ours and of somebody else', async () => {
    const hop = compileLoad('hop', scratch.folder);
    for (let round = 0; round < tries(6, 2); round++) {
      const [ours, guest] = [round % 2 === 0, `guest-${round}`];
      if (!ours) scratch.make(guest);
      const chain = ours ? ['cpuset-create', `${scratch.name}/${guest}`] : [];
      const move = ['move-tasks', `${scratch.name}/home`, `${scratch.name}/${guest}`];
      expect(await vfioIsolate('--wait', '60', '-u', undo, ...chain, ...move)).toMatchObject({ status: 0, stderr: '' });
      await scratch.start(guest, `exec ${hop} ${stop}`);
      const restored = await vfioIsolate('--wait', '60', 'restore', undo);
      expect(restored).toMatchObject({ status: 0, stderr: expect.stringMatching(nothingButOrphans) });
      expect(existsSync(`${scratch.directory}/${guest}`)).toBe(!ours);
      await expect.poll(() => scratch.tids('home').length).toBeGreaterThan(round);
      if (!ours) expect(scratch.tids(guest)).toEqual([]);
      count('processes that fork and exit moved back', 1);
    }
  });

  describe('threads that each start the next one and exit', () => {
    async function relay(begin: 'now' | 'later', chains = 1) {
      const program = compileLoad('relay', scratch.folder);
      const child = await scratch.start('home', `exec ${program} ${stop} ${begin} ${chains}`);
      const pid = child.pid ?? 0;
      const cpus = async () => {
        process.kill(pid, 'SIGUSR1');
        const [answer] = await once(child.stdout ?? child, 'data', { signal: AbortSignal.timeout(20_000) });
        return Number(answer);
      };
      return { pid, cpus };
    }
    const pin = (pid: number) => vfioIsolate('--wait', '60', '-u', undo, 'task-affinity', 'C0', `${pid}`);
    const restore = () => vfioIsolate('--wait', '60', 'restore', undo);

    test.each(['now', 'later'] as const)('are set and given back, begun %s', async (begin) => {
      for (let round = 0; round < tries(4, 2); round++) {
        const { pid, cpus } = await relay(begin);
        expect(await pin(pid)).toMatchObject({ status: 0, stderr: '' });
        expect(await cpus()).toBe(1);
        expect(await restore()).toMatchObject({ status: 0, stderr: '' });
        expect(await cpus()).toBe(2);
        process.kill(pid, 'SIGKILL');
        count('threads that start the next and exit, pinned and given back', 1);
      }
    });

    test('are given back, or named where they cannot be caught, and then given back once stopped', async () => {
      const { pid, cpus } = await relay('later', 16);
      expect(await pin(pid)).toMatchObject({ status: 0, stderr: '' });
      expect(await cpus()).toBe(1);
      const { status, stderr } = await restore();
      if (status !== 0) expect(stderr).toContain(named(pid, 'relay'));
      process.kill(pid, 'SIGSTOP');
      if (status !== 0) expect(await restore()).toMatchObject({ status: 0, stderr: '' });
      expect(masksOf(pid)).toEqual(new Set(['0-1']));
    });

    /** A process of several threads. */
    const threads = async () => {
      const script = `exec ${process.execPath} -e 'console.log("ready");setInterval(()=>0,1e6)'`;
      const { pid = 0 } = await scratch.start('home', script);
      return { pid, host: openHost() };
    };

    /** How that host lists, but for one thread of a process, which is left out of the first two looks. */
    const listedLate = (host: Host, pid: number, tid: number) => {
      let looks = 0;
      return (path: string) =>
        host.list(path).filter((name) => path !== `/proc/${pid}/task` || name !== `${tid}` || looks++ > 1);
    };

    test('are set though they are listed a moment later than they were begun', async () => {
      const { pid, host } = await threads();
      const youngest = Math.max(...host.list(`/proc/${pid}/task`).map(Number));
      expect(youngest).toBeGreaterThan(pid);
      const list = listedLate(host, pid, youngest);
      const pinning = [{ name: 'task-affinity', parameters: { cpuSet: 'C0', pid: [`${pid}`] } }];
      expect((await run(pinning, { undo, host: { ...host, list } })).ok).toBe(true);
      expect(masksOf(pid)).toEqual(new Set(['0']));
      expect((await run([{ name: 'restore', parameters: { undoFile: undo } }])).ok).toBe(true);
      expect(masksOf(pid)).toEqual(new Set(['0-1']));
    });

    test('are given back though they are listed a moment later than the others', async () => {
      const { pid, host } = await threads();
      const pinning = [{ name: 'task-affinity', parameters: { cpuSet: 'C0', pid: [`${pid}`] } }];
      expect((await run(pinning, { undo })).ok).toBe(true);
      const youngest = Math.max(...host.list(`/proc/${pid}/task`).map(Number));
      // As one that was born since: it is on no record.
      const unknown = (text: string) =>
        text.replaceAll(`[${youngest},`, '[4194303,').replace(/"began":\d+/, '"began":1');
      rewrite(recordFile(undo), (line) => JSON.parse(unknown(JSON.stringify(line))));
      const list = listedLate(host, pid, youngest);
      const restoring = [{ name: 'restore', parameters: { undoFile: undo } }];
      expect((await run(restoring, { host: { ...host, list } })).ok).toBe(true);
      expect(masksOf(pid)).toEqual(new Set(['0-1']));
    });

    test('are named where one is always gone, and stay on record', async () => {
      const [pid = 0, gone] = await scratch.sleepers('home', 2);
      process.kill(gone ?? 0, 'SIGKILL');
      const host = openHost();
      const list = (path: string) => [...host.list(path), ...(path === `/proc/${pid}/task` ? [`${gone}`] : [])];
      const unseen = { host: { ...host, list } };
      await expect.poll(() => scratch.tids('home')).not.toContain(gone);
      const pinning = [{ name: 'task-affinity', parameters: { cpuSet: 'C0', pid: [`${pid}`] } }];
      const restoring = [{ name: 'restore', parameters: { undoFile: undo } }];
      const failed = await run(pinning, { undo, ...unseen });
      expect(failed.error?.message).toContain(named(pid, 'sleep'));
      expect((await run(restoring)).ok).toBe(true);
      expect(masksOf(pid)).toEqual(new Set(['0-1']));
      expect((await run(pinning, { undo })).ok).toBe(true);
      expect((await run(restoring, unseen)).error?.message).toContain(named(pid, 'sleep'));
      expect((await run(restoring)).ok).toBe(true);
      expect(masksOf(pid)).toEqual(new Set(['0-1']));
    });
  });
});

const named = (pid: number, comm: string) => `threads of process ${pid} (${comm}) exit before their CPUs can be set`;

function masksOf(pid: number): Set<string | undefined> {
  const statuses = readdirSync(`/proc/${pid}/task`).map((tid) =>
    readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8'),
  );
  return new Set(statuses.map((status) => /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1]));
}

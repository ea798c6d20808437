/** How soon a run answers a signal: by its own system calls, and while it only waits. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { BIN, execute } from '../support/cli.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';
import { chance } from './chance.js';
import { tries } from './extent.js';
import { count } from './figures.js';
import { statusOf, stopping } from './signalled.js';

/** A line of strace -f -ttt -y: the PID, the seconds, and the call or the signal. */
interface Traced {
  readonly at: number;
  readonly what: string;
}

function readTrace(file: string): Traced[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => {
    const [, at, what = ''] = /^\d+ +(\d+\.\d+) (.*)$/.exec(line) ?? [];
    return { at: Number(at), what };
  });
}

describe.skipIf(notInPlace)(`the answer to a signal, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  beforeEach(() => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
  });

  test('no further step is begun, and a move stops between two tasks', async () => {
    const home = scratch.make('home');
    await scratch.sleepers('home', 600);
    const before = snapshot(scratch.directory);
    const guest = `${scratch.name}/guest`;
    const made = Array.from({ length: 30 }, (_, index) => ['cpuset-create', `${guest}/c${index}`]).flat();
    const chain = ['--wait', '60', '-u', undo, 'cpuset-create', guest, 'move-tasks', home, guest, ...made];
    const trace = `${scratch.folder}/trace`;
    const traced = ['-f', '-ttt', '-y', '-o', trace, '-e', 'trace=mkdirat,write,pwrite64'];
    const moves = /^pwrite64\(.*\/guest\/(tasks|cgroup\.procs)>, /;
    const random = chance(3);
    const waits: number[] = [];
    const rounds = tries(40, 4);
    let cutShort = 0;
    for (let round = 0; round < rounds; round++) {
      // Sent by the thread that moves tasks, as it moves that one.
      const send = ['-e', `inject=pwrite64:signal=SIGTERM:when=${20 + Math.floor(random() * 200)}`];
      const ended = await execute('strace', [...traced, ...send, process.execPath, BIN, ...chain]);
      expect(ended.status, ended.stderr).toBe(statusOf('SIGTERM'));
      expect(snapshot(scratch.directory)).toEqual(before);
      const all = readTrace(trace);
      const signal = all.findIndex(({ what }) => what.startsWith('--- SIGTERM'));
      const late = all.slice(signal).filter(({ what }) => moves.test(what));
      expect(all.slice(signal).filter(({ what }) => what.startsWith('mkdirat('))).toEqual([]);
      if (all.filter(({ what }) => moves.test(what)).length < 600) cutShort++;
      waits.push(1000 * Math.max(0, (late.at(-1)?.at ?? 0) - (all[signal]?.at ?? 0)));
    }
    // On a busy machine one or the other move is done before the signal is seen.
    expect(cutShort).toBeGreaterThan(0);
    count('signals traced', rounds);
    const shown = waits.sort((a, b) => a - b).map((wait) => wait.toFixed(1));
    console.info(`from a signal to the last change forward, under strace, in ms: ${shown.join(' ')}`);
  });

  test.each(stopping)('%s ends the wait for the lock, and nothing was begun', async (signal) => {
    // In a mount namespace of its own, where it holds the lock itself by a descriptor that it was born with.
    const lock = '/run/vfio-isolate/lock';
    const hold = `mount -t tmpfs none /run; mkdir -m 700 /run/vfio-isolate; exec 9>${lock}; flock 9; exec "$@"`;
    const words = [process.execPath, BIN, '--wait', '60', '-u', undo, 'cpuset-create', `${scratch.name}/guest`];
    const trace = `${scratch.folder}/trace`;
    // As a grandchild (-D), so that the PID is the run's.
    const traced = ['strace', '-D', '-f', '-o', trace, '-e', 'trace=flock', ...words];
    const own = ['--mount', '--propagation', 'private', '/bin/sh', '-c', hold, 'sh', ...traced];
    const isWaiting = () => existsSync(trace) && /flock\(.* EAGAIN /.test(readFileSync(trace, 'utf8'));
    let sent = 0;
    const ended = await execute('unshare', own, {}, async (pid) => {
      while (!isWaiting()) await delay(5);
      sent = performance.now();
      process.kill(pid, signal);
    });
    console.info(`${signal}: stopped waiting for the lock in ${(performance.now() - sent).toFixed()} ms`);
    expect(ended).toMatchObject({ status: statusOf(signal), stdout: '' });
    expect(ended.stderr).toBe('vfio-isolate: stopped while waiting for the lock\n');
    expect([undo, `${scratch.directory}/guest`].filter((path) => existsSync(path))).toEqual([]);
  });
});

/** Tasks that a restore has given their CPUs back are marked so at once, as are those that had masks of their own. */
import { copyFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Host, openHost } from '../../lib/host.js';
import type { Command } from '../../lib/index.js';
import { type Cycles, cyclesIn } from '../support/cycles.js';
import { recordFile } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { taskset } from '../support/snapshot.js';

describe.skipIf(notInPlace)(`after a restore that could not do all, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let cycles: Cycles;
  beforeEach(() => {
    scratch = openScratch();
    cycles = cyclesIn(scratch);
  });

  describe('tasks that were given CPUs', () => {
    test('have those back that the next cycle saw, the others those of the first', async () => {
      const { pin, good, restored, failed, cpusOf, open } = cycles;
      const [stuck = 0] = await scratch.sleepers('stuck', 1);
      const [back = 0, too = 0] = await scratch.sleepers('home', 2);
      taskset('1', stuck);
      await good([pin('C0', stuck, back, too)]);
      scratch.write('stuck/cpuset.cpus', '0');
      await failed(/EINVAL/);
      expect([back, too].map(cpusOf)).toEqual(['0-1', '0-1']);
      taskset('1', back);
      open('stuck');
      await good([pin('C0', back)]);
      expect([stuck, back, too].map(cpusOf)).toEqual(['0', '0', '0-1']);
      await restored();
      expect([stuck, back, too].map(cpusOf)).toEqual(['1', '1', '0-1']);
    });

    test('are let alone if their owner has set them since', async () => {
      const { pin, good, restored, failed, cpusOf, open } = cycles;
      const [stuck = 0] = await scratch.sleepers('stuck', 1);
      const [back = 0] = await scratch.sleepers('home', 1);
      taskset('1', stuck);
      await good([pin('C0', stuck, back)]);
      scratch.write('stuck/cpuset.cpus', '0');
      await failed(/EINVAL/);
      taskset('0', back);
      open('stuck');
      await restored();
      expect([stuck, back].map(cpusOf)).toEqual(['1', '0']);
    });

    test('have had heirs, which are restored once like them', async () => {
      const { pin, good, restored, failed, cpusOf, open, unmark } = cycles;
      const [stuck = 0] = await scratch.sleepers('stuck', 1);
      const parent = await scratch.start(
        'home',
        "trap 'sleep 1000 & echo $!' USR1; echo ready; while :; do sleep 0.05; done",
      );
      const bear = async () => {
        parent.kill('SIGUSR1');
        return Number(await new Promise((resolve) => parent.stdout?.once('data', resolve)));
      };
      taskset('1', stuck);
      await good([pin('C0', stuck, parent.pid ?? 0)]);
      const child = await bear();
      scratch.write('stuck/cpuset.cpus', '0');
      await failed(/EINVAL/);
      expect([child, parent.pid ?? 0].map(cpusOf)).toEqual(['0-1', '0-1']);
      taskset('0', child);
      await failed(/EINVAL/);
      expect(cpusOf(child)).toBe('0');
      // What it is given by its owner, its children inherit.
      taskset('0', parent.pid ?? 0);
      const younger = await bear();
      await failed(/EINVAL/);
      expect([younger, parent.pid ?? 0].map(cpusOf)).toEqual(['0', '0']);
      // As if they had been missed: of them all the first is on record alone, and it is restored.
      for (const pid of [child, younger]) unmark(pid);
      taskset('1', parent.pid ?? 0);
      open('stuck');
      await restored();
      expect([child, parent.pid ?? 0, stuck].map(cpusOf)).toEqual(['0-1', '1', '1']);
    });
  });

  describe('masks on record, before 6.2', () => {
    /** A kernel that is said to overwrite masks, on which nobody but the tasks of the test is to be seen. */
    function older(): Host {
      const host = openHost();
      const own = () => ['guest', 'stuck', 'home', 'elsewhere'].flatMap((name) => scratch.tids(name)).map(String);
      return {
        ...host,
        read: (path) => (path === '/proc/sys/kernel/osrelease' ? '6.1.0' : host.read(path)),
        list: (path) => (path === '/proc' ? own() : host.list(path)),
      };
    }
    const modify = (name: string, cpus: string): Command => ({
      name: 'cpuset-modify',
      parameters: { cpusetName: cycles.at(name), cpus },
    });

    test('one that is refused keeps no other, and no list, from being marked', async () => {
      const { good, restored, failed, put, cpusOf, open } = cycles;
      const host = older();
      const [back = 0, refused = 0] = await scratch.sleepers('guest', 2);
      for (const pid of [back, refused]) taskset('1', pid);
      await good([modify('guest', 'C0')], { host });
      // What such a kernel makes of them.
      for (const pid of [back, refused]) taskset('0', pid);
      scratch.write('stuck/cpuset.cpus', '0');
      put(refused, 'stuck');
      await failed(new RegExp(`task ${refused} .*EINVAL`), { host });
      expect([back, refused].map(cpusOf)).toEqual(['1', '0']);
      expect(scratch.read('guest/cpuset.cpus')).toBe('0-1');
      taskset('0', back);
      scratch.write('guest/cpuset.cpus', '0');
      open('stuck');
      await good([modify('guest', 'C0-1')], { host });
      await restored({ host });
      expect(scratch.read('guest/cpuset.cpus')).toBe('0');
      expect([back, refused].map(cpusOf)).toEqual(['0', '1']);
    });

    test('they are still given back if what overwrote them was undone, and the restore killed then', async () => {
      const { undo, good, restored, cpusOf } = cycles;
      const host = older();
      const [pinned = 0] = await scratch.sleepers('guest', 1);
      taskset('1', pinned);
      await good([modify('guest', 'C0')], { host });
      taskset('0', pinned);
      const killed = `${scratch.folder}/killed`;
      await restored({ host, onChange: ({ kind }) => kind === 'affinity' && copyFileSync(recordFile(undo), killed) });
      copyFileSync(killed, recordFile(undo));
      taskset('0', pinned);
      expect((await restored({ host }))?.changes.map(({ kind }) => kind)).toEqual(['affinity']);
      expect(cpusOf(pinned)).toBe('1');
      expect((await restored({ host }))?.notes.join()).toContain('nothing to restore');
    });

    test('one that was set, and given back, is recorded anew', async () => {
      const { pin, good, restored, failed, cpusOf, open } = cycles;
      const host = older();
      const [back = 0] = await scratch.sleepers('home', 1);
      const [refused = 0] = await scratch.sleepers('stuck', 1);
      for (const pid of [back, refused]) taskset('1', pid);
      await good([pin('C0', back, refused)], { host });
      scratch.write('stuck/cpuset.cpus', '0');
      await failed(new RegExp(`task ${refused} .*EINVAL`), { host });
      expect(cpusOf(back)).toBe('1');
      taskset('0', back);
      open('stuck');
      await good([modify('home', 'C1')], { host });
      taskset('1', back);
      await restored({ host });
      expect([back, refused].map(cpusOf)).toEqual(['0', '1']);
    });

    test('what an affinity has been given back is no mask of its own to be given', async () => {
      const { pin, good, restored, failed, cpusOf, open } = cycles;
      const host = older();
      const [back = 0] = await scratch.sleepers('home', 1);
      const [refused = 0] = await scratch.sleepers('stuck', 1);
      taskset('1', refused);
      await good([pin('C0', back, refused), modify('elsewhere', 'C0')], { host });
      scratch.write('stuck/cpuset.cpus', '0');
      await failed(new RegExp(`task ${refused} .*EINVAL`), { host });
      expect([back, refused].map(cpusOf)).toEqual(['0-1', '0']);
      open('stuck');
      await restored({ host });
      expect([back, refused].map(cpusOf)).toEqual(['0-1', '1']);
    });
  });
});

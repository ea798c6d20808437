/** Tasks that a restore has brought home are marked so at once: the next cycle with the same record begins with what it sees. */
import { copyFileSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Command, run } from '../../lib/index.js';
import { type Cycles, cyclesIn } from '../support/cycles.js';
import { recordFile } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';

describe.skipIf(notInPlace)(`after a restore that could not do all, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let cycles: Cycles;
  beforeEach(() => {
    scratch = openScratch();
    cycles = cyclesIn(scratch);
  });

  describe('tasks that were moved', () => {
    test('go back to where the next cycle saw them, the others to where the first did', async () => {
      const { move, good, restored, failed, put, placeOf, close, open } = cycles;
      const [stuck = 0] = await scratch.sleepers('stuck', 1);
      const [back = 0, too = 0] = await scratch.sleepers('home', 2);
      await good([move('stuck', 'guest'), move('home', 'guest')]);
      close('stuck');
      await failed(/ENOSPC/);
      expect([stuck, back, too].map(placeOf)).toEqual(['/guest', '/home', '/home']);
      put(back, 'elsewhere');
      open('stuck');
      await good([move('elsewhere', 'guest')]);
      expect([stuck, back, too].map(placeOf)).toEqual(['/guest', '/guest', '/home']);
      await restored();
      expect([stuck, back, too].map(placeOf)).toEqual(['/stuck', '/elsewhere', '/home']);
    });

    test('are not looked for where their owner has put them since', async () => {
      const { move, good, restored, failed, put, placeOf, close, open } = cycles;
      await scratch.sleepers('stuck', 1);
      const [back = 0] = await scratch.sleepers('home', 1);
      await good([move('stuck', 'guest'), move('home', 'guest')]);
      close('stuck');
      await failed(/ENOSPC/);
      put(back, 'elsewhere');
      await failed(/ENOSPC/);
      open('stuck');
      await restored({ force: true });
      expect(placeOf(back)).toBe('/elsewhere');
    });

    test('stay in the destination if their owner has put them there since', async () => {
      const { move, good, restored, failed, put, placeOf, close, open } = cycles;
      const [stuck = 0] = await scratch.sleepers('stuck', 1);
      const [back = 0] = await scratch.sleepers('home', 1);
      await good([move('stuck', 'guest'), move('home', 'guest')]);
      close('stuck');
      await failed(/ENOSPC/);
      put(back, 'guest');
      open('stuck');
      await restored();
      expect([stuck, back].map(placeOf)).toEqual(['/stuck', '/guest']);
    });

    test('and were found in place count as restored: residents, and who went home by himself', async () => {
      const { move, good, restored, failed, put, placeOf, close, open } = cycles;
      const [resident = 0] = await scratch.sleepers('guest', 1);
      await scratch.sleepers('stuck', 1);
      const [self = 0] = await scratch.sleepers('home', 1);
      await good([move('stuck', 'guest'), move('home', 'guest')]);
      close('stuck');
      put(self, 'home');
      await failed(/ENOSPC/);
      for (const pid of [resident, self]) put(pid, 'elsewhere');
      open('stuck');
      await good([move('elsewhere', 'guest')]);
      await restored();
      expect([resident, self].map(placeOf)).toEqual(['/elsewhere', '/elsewhere']);
    });

    test('take those with them that were born in the destination and are left there', async () => {
      const { move, good, restored, failed, put, placeOf, close, open, unmark } = cycles;
      await scratch.sleepers('stuck', 1);
      const script = 'trap "sleep 1000 & echo child" USR1; echo ready; while :; do sleep 0.05; done';
      const parent = await scratch.start('home', script);
      await good([move('stuck', 'guest'), move('home', 'guest')]);
      parent.kill('SIGUSR1');
      await new Promise((resolve) => parent.stdout?.once('data', resolve));
      const isChild = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('1000');
      const [child = 0] = scratch
        .tids('guest')
        .filter((pid) => placeOf(pid) === '/guest' && isParentOf(pid, parent.pid) && isChild(pid));
      close('stuck');
      await failed(/ENOSPC/);
      expect([child, parent.pid ?? 0].map(placeOf)).toEqual(['/home', '/home']);
      // As if it had been missed: it is on no record, and its parent is restored.
      unmark(child);
      put(child, 'guest');
      put(parent.pid ?? 0, 'elsewhere');
      open('stuck');
      await good([move('elsewhere', 'guest')]);
      await restored();
      expect([child, parent.pid ?? 0].map(placeOf)).toEqual(['/home', '/elsewhere']);
    });

    test('each destination begins anew once nothing of it is left', async () => {
      const { move, good, restored, failed, put, placeOf, close, open } = cycles;
      scratch.make('other');
      await scratch.sleepers('stuck', 1);
      await scratch.sleepers('home', 1);
      await good([move('stuck', 'other'), move('home', 'guest')]);
      close('stuck');
      await failed(/ENOSPC/);
      const [owner = 0] = await scratch.sleepers('elsewhere', 1);
      put(owner, 'guest');
      open('stuck');
      await good([move('home', 'guest')]);
      await restored();
      expect(placeOf(owner)).toBe('/guest');
    });
  });

  test('what a rollback has brought back is marked as well', async () => {
    const { undo, at, move, good, restored, put, placeOf, close, open } = cycles;
    const [stuck = 0] = await scratch.sleepers('stuck', 1);
    const [back = 0] = await scratch.sleepers('home', 1);
    const none: Command = { name: 'cpuset-delete', parameters: { cpusetName: at('none') } };
    const onChange = ({ command }: { command: string }) => {
      if (command === 'move-tasks' && scratch.tids('stuck').length === 0) close('stuck');
    };
    const report = await run([move('home', 'guest'), move('stuck', 'guest'), none], { undo, onChange });
    expect(report.rollbackErrors.map(({ message }) => message)).toEqual([expect.stringMatching(/ENOSPC/)]);
    expect([stuck, back].map(placeOf)).toEqual(['/guest', '/home']);
    put(back, 'elsewhere');
    open('stuck');
    await good([move('elsewhere', 'guest')]);
    await restored();
    expect([stuck, back].map(placeOf)).toEqual(['/stuck', '/elsewhere']);
  });

  test('a rollback marks nothing of the runs before it', async () => {
    const { undo, at, move, good, restored, placeOf, close, open } = cycles;
    const [task = 0] = await scratch.sleepers('home', 1);
    const [stuck = 0] = await scratch.sleepers('stuck', 1);
    await good([move('home', 'elsewhere')]);
    const none: Command = { name: 'cpuset-delete', parameters: { cpusetName: at('none') } };
    const onChange = ({ command }: { command: string }) => {
      if (command === 'move-tasks' && scratch.tids('stuck').length === 0) close('stuck');
    };
    const report = await run([move('elsewhere', 'guest'), move('stuck', 'guest'), none], { undo, onChange });
    expect(report.rollbackErrors).toHaveLength(1);
    expect([task, stuck].map(placeOf)).toEqual(['/elsewhere', '/guest']);
    open('stuck');
    await restored();
    expect([task, stuck].map(placeOf)).toEqual(['/home', '/stuck']);
  });

  describe('killed in the middle', () => {
    /** Copies the record as each change is told: what a kill at once would leave. */
    const copies = () => {
      const paths: string[] = [];
      const onChange = () => {
        const path = `${scratch.folder}/undo-${paths.length}`;
        copyFileSync(recordFile(cycles.undo), path);
        paths.push(path);
      };
      return { paths, onChange };
    };

    test('what it had restored by then is marked', async () => {
      const { at, move, good, restored, put, placeOf } = cycles;
      await scratch.sleepers('stuck', 1);
      const [back = 0] = await scratch.sleepers('home', 1);
      const cpus = scratch.read('elsewhere/cpuset.cpus');
      await good([
        { name: 'cpuset-modify', parameters: { cpusetName: at('elsewhere'), cpus: 'C0' } },
        move('home', 'guest'),
        { name: 'cpuset-create', parameters: { cpusetName: at('made') } },
      ]);
      const { paths, onChange } = copies();
      await restored({ onChange });
      expect(paths.length).toBe(3);
      expect(scratch.read('elsewhere/cpuset.cpus')).toBe(cpus);
      // Killed once the tasks were home, before the list of the other cpuset was written again.
      const [, , killed = ''] = paths;
      const kinds = (path: string) =>
        readFileSync(path, 'utf8')
          .match(/"type":"undone[^}]*/g)
          ?.join('\n') ?? '';
      expect(kinds(killed)).toContain(`[${back},`);
      put(back, 'stuck');
      copyFileSync(killed, recordFile(cycles.undo));
      await good([move('stuck', 'guest')]);
      await restored();
      expect(placeOf(back)).toBe('/stuck');
    });
  });

  function isParentOf(pid: number, parent: number | undefined): boolean {
    return new RegExp(`^PPid:\\s*${parent}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  }
});

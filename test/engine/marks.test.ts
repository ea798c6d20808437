/** What a restore has brought back is marked so at once: the next cycle with the same record begins with what it sees. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Host, openHost } from '../../lib/host.js';
import { type Command, type RunOptions, run } from '../../lib/index.js';
import { recordFile, rewrite } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { taskset } from '../support/snapshot.js';

describe.skipIf(notInPlace)(`after a restore that could not do all, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  beforeEach(() => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    for (const name of ['guest', 'stuck', 'home', 'elsewhere']) scratch.make(name);
  });

  const at = (name: string) => `${scratch.name}/${name}`;
  const move = (from: string, to: string): Command => ({
    name: 'move-tasks',
    parameters: { cpusetFrom: at(from), cpusetTo: at(to) },
  });
  const pin = (cpuSet: string, ...pids: number[]): Command => ({
    name: 'task-affinity',
    parameters: { cpuSet, pid: pids.map(String) },
  });
  const good = async (commands: Command[], options: RunOptions = {}) => {
    const report = await run(commands, { undo, ...options });
    expect(report.error).toBeUndefined();
    return report;
  };
  const restore = (options: RunOptions = {}, undoFile = undo) =>
    run([{ name: 'restore', parameters: { undoFile } }], options);
  const restored = async (options: RunOptions = {}, undoFile = undo) => {
    const { error, commands } = await restore(options, undoFile);
    expect(error).toBeUndefined();
    return commands[0];
  };
  const failed = async (reason: RegExp, options: RunOptions = {}) => {
    const { error, commands } = await restore(options);
    expect(error?.code).toBe('ERR_INCOMPLETE');
    expect(commands[0]?.failures.map(({ message }) => message)).toEqual([expect.stringMatching(reason)]);
    return commands[0];
  };
  const put = (pid: number, name: string, list = 'cgroup.procs') =>
    writeFileSync(`${scratch.directory}/${name}/${list}`, `${pid}`);
  const placeOf = (pid: number) =>
    /^\d+:[^:]*cpuset[^:]*:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]?.slice(scratch.name.length);
  const cpusOf = (pid: number) =>
    /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  /** A cpuset without CPUs takes no tasks. */
  const close = (name: string) => scratch.write(`${name}/cpuset.cpus`, '\n');
  const open = (name: string) => scratch.write(`${name}/cpuset.cpus`, '0-1');

  describe('tasks that were moved', () => {
    test('go back to where the next cycle saw them, the others to where the first did', async () => {
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
      rewriteWithout(undo, child);
      put(child, 'guest');
      put(parent.pid ?? 0, 'elsewhere');
      open('stuck');
      await good([move('elsewhere', 'guest')]);
      await restored();
      expect([child, parent.pid ?? 0].map(placeOf)).toEqual(['/home', '/elsewhere']);
    });

    test('each destination begins anew once nothing of it is left', async () => {
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

  describe('tasks that were given CPUs', () => {
    test('have those back that the next cycle saw, the others those of the first', async () => {
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
      for (const pid of [child, younger]) rewriteWithout(undo, pid);
      taskset('1', parent.pid ?? 0);
      open('stuck');
      await restored();
      expect([child, parent.pid ?? 0, stuck].map(cpusOf)).toEqual(['0-1', '1', '1']);
    });
  });

  test('what a rollback has brought back is marked as well', async () => {
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
      parameters: { cpusetName: at(name), cpus },
    });

    test('one that is refused keeps no other, and no list, from being marked', async () => {
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

    test('one that was set, and given back, is recorded anew', async () => {
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

  describe('killed in the middle', () => {
    /** Copies the record as each change is told: what a kill at once would leave. */
    const copies = () => {
      const paths: string[] = [];
      const onChange = () => {
        const path = `${scratch.folder}/undo-${paths.length}`;
        copyFileSync(recordFile(undo), path);
        paths.push(path);
      };
      return { paths, onChange };
    };

    test('what it had restored by then is marked', async () => {
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
      copyFileSync(killed, recordFile(undo));
      await good([move('stuck', 'guest')]);
      await restored();
      expect(placeOf(back)).toBe('/stuck');
    });
  });

  function isParentOf(pid: number, parent: number | undefined): boolean {
    return new RegExp(`^PPid:\\s*${parent}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  }

  /** Takes a task out of what is marked. */
  function rewriteWithout(path: string, tid: number): void {
    rewrite(recordFile(path), (entry) =>
      entry['type'] === 'undone-tasks'
        ? { ...entry, tasks: (entry['tasks'] as [number, number][]).filter(([other]) => other !== tid) }
        : entry,
    );
  }
});

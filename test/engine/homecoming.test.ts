import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { SystemError } from '../../lib/errors.js';
import { openHost } from '../../lib/host.js';
import { type Command, run } from '../../lib/index.js';
import { header, recordFile, step, writeRecord } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';

const V1 = '/sys/fs/cgroup/cpuset';

describe.skipIf(notInPlace)(`tasks go home, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  let home: string;
  let guest: string;
  beforeEach(() => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    home = scratch.make('home');
    guest = `${scratch.name}/guest`;
  });

  const create = (cpusetName: string): Command => ({ name: 'cpuset-create', parameters: { cpusetName } });
  const remove = (cpusetName: string): Command => ({ name: 'cpuset-delete', parameters: { cpusetName } });
  const move = (cpusetFrom: string, cpusetTo: string): Command => ({
    name: 'move-tasks',
    parameters: { cpusetFrom, cpusetTo },
  });
  const restoring = (): Command[] => [{ name: 'restore', parameters: { undoFile: undo } }];
  const good = async (commands: Command[], options = {}) => {
    const report = await run(commands, options);
    expect(report.error).toBeUndefined();
    return report.commands[0];
  };
  const put = (pid: number, cpuset: string, list = 'cgroup.procs') => writeFileSync(`${V1}${cpuset}/${list}`, `${pid}`);

  test('only where the record says that a move began', async () => {
    scratch.make('guest');
    await scratch.sleepers('guest', 3);
    const before = snapshot(scratch.directory);
    const [from, to] = [V1 + home, V1 + guest];
    writeRecord(recordFile(undo), header(), step(1, { kind: 'tasks', target: to, from, to }));
    await good(restoring());
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test.each([true, false])('also those that are born while they do (destination made by us: %s)', async (ours) => {
    if (!ours) scratch.make('guest');
    await good([...(ours ? [create(guest)] : []), move(home, guest)], { undo });
    const forker = await scratch.start(
      'guest',
      'echo ready; i=0; while [ $i -lt 300 ]; do sleep 1000 & i=$((i+1)); done; wait',
    );
    await good(restoring());
    await delay(500);
    expect(scratch.tids('home')).toContain(forker.pid);
    expect(scratch.tids('home').length).toBe(301);
    expect(scratch.tids('.')).toEqual([]);
  });

  test('from a cpuset that was made, filled and deleted, whether by runs or by a chain that fails', async () => {
    await scratch.sleepers('home', 3);
    const before = snapshot(scratch.directory);
    await good([create(guest), move(home, guest)], { undo });
    await good([remove(guest)], { undo });
    await good(restoring());
    expect(snapshot(scratch.directory)).toEqual(before);
    const report = await run([create(guest), move(home, guest), remove(guest), remove(`${scratch.name}/nobody`)], {
      undo,
    });
    expect(report.ok).toBe(false);
    expect(report.rollbackErrors).toEqual([]);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('but for one that exits while it is looked for', async () => {
    const [gone = 0, ...others] = await scratch.sleepers('home', 3);
    scratch.make('elsewhere');
    await good([create(guest), move(home, guest)], { undo });
    put(gone, `${scratch.name}/elsewhere`);
    const host = openHost();
    const read = (path: string) => {
      // What read(2) says of a task that has exited since open(2).
      if (path === `/proc/${gone}/cgroup`) throw new SystemError({ errno: -3, syscall: 'read', path });
      return host.read(path);
    };
    await good(restoring(), { host: { ...host, read } });
    expect(scratch.tids('home')).toEqual(expect.arrayContaining(others));
  });

  test('later, where home cannot take them yet: nothing is done to them meanwhile', async () => {
    await scratch.sleepers('home', 3);
    const before = snapshot(scratch.directory);
    await good([create(guest), move(home, guest)], { undo });
    const during = snapshot(scratch.directory);
    const cpus = scratch.read('home/cpuset.cpus');
    scratch.write('home/cpuset.cpus', '\n');
    const report = await run(restoring());
    expect(report.error?.code).toBe('ERR_INCOMPLETE');
    expect(report.commands[0]?.failures.map(({ message }) => message).join()).toMatch(/ENOSPC/);
    scratch.write('home/cpuset.cpus', cpus);
    expect(snapshot(scratch.directory)).toEqual(during);
    await good(restoring());
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('to the nearest cpuset where home is gone for good, which is said', async () => {
    const pids = await scratch.sleepers('home', 2);
    await good([create(guest), move(home, guest)], { undo });
    execFileSync('rmdir', [`${scratch.directory}/home`]);
    const report = await good(restoring());
    expect(report?.notes.join()).toMatch(/home no longer exists: its tasks went to/);
    expect(scratch.tids('.')).toEqual(expect.arrayContaining(pids));
    expect(existsSync(`${scratch.directory}/guest`)).toBe(false);
  });

  test('there in a rollback, too, which is said as well', async () => {
    const pids = await scratch.sleepers('home', 2);
    const onChange = ({ kind }: { kind: string }) => {
      if (kind === 'tasks' && existsSync(`${scratch.directory}/home`))
        execFileSync('rmdir', [`${scratch.directory}/home`]);
    };
    const report = await run([create(guest), move(home, guest), remove(`${scratch.name}/nobody`)], { undo, onChange });
    expect(report.commands.map(({ status }) => status)).toEqual(['undone', 'undone', 'failed']);
    expect(report.commands[2]?.notes.join()).toMatch(/home no longer exists: its tasks went to/);
    expect(report.rollbackErrors).toEqual([]);
    expect(scratch.tids('.')).toEqual(expect.arrayContaining(pids));
  });

  test.each([false, true])(
    'there also where something unrelated is left as somebody else has made it anew (%s)',
    async (other) => {
      const pids = await scratch.sleepers('home', 2);
      await good([create(guest), create(`${scratch.name}/other`), move(home, guest)], { undo });
      execFileSync('rmdir', [`${scratch.directory}/home`]);
      if (other) {
        execFileSync('rmdir', [`${scratch.directory}/other`]);
        scratch.make('other');
      }
      const [restored] = (await run(restoring())).commands;
      expect(restored?.failures.map(({ message }) => message)).toEqual(
        other ? [`${V1}${scratch.name}/other was removed and made again by somebody else`] : [],
      );
      expect(scratch.tids('.')).toEqual(expect.arrayContaining(pids));
      expect(existsSync(`${scratch.directory}/guest`)).toBe(false);
    },
  );

  test('not there where home fails to come back: then they stay until it does', async () => {
    const deep = `${scratch.name}/above/home`;
    for (const cpuset of ['above', 'above/home']) scratch.make(cpuset);
    await scratch.sleepers('above/home', 2);
    const before = snapshot(scratch.directory);
    await good([create(guest), move(deep, guest), remove(deep)], { undo });
    const during = snapshot(`${scratch.directory}/guest`);
    execFileSync('rmdir', [`${scratch.directory}/above`]);
    const [restored] = (await run(restoring())).commands;
    expect(restored?.failures.map(({ message }) => message).join()).toMatch(/above\/home.*ENOENT/);
    expect(snapshot(`${scratch.directory}/guest`)).toEqual(during);
    scratch.make('above');
    await good(restoring());
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('but for one in a cpuset whose name no step can hold, by force: it is told of', async () => {
    const [odd = 0, ...others] = await scratch.sleepers('home', 3);
    scratch.make('odd\u0001');
    await good([create(guest), move(home, guest)], { undo });
    put(odd, `${scratch.name}/odd\u0001`);
    const [restored] = (await run(restoring(), { force: true })).commands;
    expect(restored?.failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(`^1 task was moved on by somebody else \\(task ${odd} is in .*odd\u0001`),
    ]);
    expect(scratch.tids('home')).toEqual(expect.arrayContaining(others));
    expect(existsSync(`${scratch.directory}/guest`)).toBe(false);
    put(odd, home);
    await good(restoring());
  });

  test('a zombie is no task that somebody else has moved', async () => {
    const keeper = await scratch.start('home', 'sleep 0.2 & echo ready; exec sleep 1000');
    await good([create(guest), move(home, guest)], { undo });
    await delay(600);
    await good(restoring());
    expect(scratch.tids('home')).toEqual([keeper.pid]);
  });

  test('what somebody else has put there stays there', async () => {
    scratch.make('guest');
    scratch.make('other');
    const [stranger = 0] = await scratch.sleepers('other', 1);
    const pids = await scratch.sleepers('home', 2);
    await delay(50);
    await good([move(home, guest)], { undo });
    put(stranger, guest);
    const report = await good(restoring());
    expect(scratch.tids('guest')).toEqual([stranger]);
    expect(scratch.tids('home')).toEqual(expect.arrayContaining(pids));
    expect(report?.notes.join()).toMatch(/1 tasks? that somebody else put there/);
  });

  test('what is younger than the move goes with its parent, or where that is not known where the others go, which is told', async () => {
    scratch.make('guest');
    const forker = 'trap "sleep 1000 & echo child" USR1; trap "(sleep 1000 & echo orphan)" USR2; echo ready';
    const mover = await scratch.start('home', `${forker}; while :; do sleep 0.05; done`);
    const bear = async (signal: 'SIGUSR1' | 'SIGUSR2') => {
      mover.kill(signal);
      await new Promise((resolve) => mover.stdout?.once('data', resolve));
    };
    const told = async () => (await good(restoring()))?.notes.join();
    const note = `tasks of ${V1}${guest} that are younger than the move, and have no ancestor on record, go to ${V1}${home}`;

    await good([move(home, guest)], { undo });
    await bear('SIGUSR1');
    expect(await told()).toBe('');
    for (const begin of [() => bear('SIGUSR2'), () => scratch.start('guest', 'echo ready; exec sleep 1000')]) {
      await good([move(home, guest)], { undo });
      await begin();
      await delay(50);
      expect(await told()).toBe(note);
      expect(scratch.tids('guest')).toEqual([]);
      expect(scratch.tids('home')).toContain(mover.pid);
    }
  });

  test('a thread of a process that somebody else has moved on is reported', async () => {
    scratch.make('guest');
    scratch.make('third');
    const shell = await scratch.start('home', `echo ready; exec ${process.execPath} -e 'setInterval(() => {}, 1e6)'`);
    const threads = () => readdirSync(`/proc/${shell.pid}/task`).map(Number);
    while (threads().length < 5) await delay(50);
    await delay(300);
    await good([move(home, guest)], { undo });
    const thread = threads().find((tid) => tid !== shell.pid) ?? 0;
    put(thread, `${scratch.name}/third`, 'tasks');
    const report = await run(restoring());
    expect(report.error?.message).toMatch(/1 task was moved on by somebody else/);
    expect(scratch.tids('third')).toEqual([thread]);
    await good(restoring(), { force: true });
    expect(scratch.tids('third')).toEqual([]);
    expect(scratch.tids('home')).toEqual(expect.arrayContaining(threads()));
  });

  test('a cpuset with others below it that somebody made keeps its tasks', async () => {
    await good([create(guest)], { undo });
    mkdirSync(`${scratch.directory}/guest/vm`);
    const pids = await scratch.sleepers('guest', 1);
    const report = await run(restoring());
    expect(report.error?.message).toMatch(/has cgroups below it: .*guest\/vm/);
    expect(scratch.tids('guest')).toEqual(expect.arrayContaining(pids));
    const [shell] = scratch.tids('guest').filter((tid) => !pids.includes(tid));
    for (const pid of [...pids, shell ?? 0]) process.kill(pid, 'SIGKILL');
    await delay(100);
    execFileSync('rmdir', [`${scratch.directory}/guest/vm`]);
  });

  test('an abort that comes with the last change of a restore comes too late', async () => {
    await good([create(guest)], { undo });
    const stop = new AbortController();
    const report = await run(restoring(), { signal: stop.signal, onChange: () => stop.abort() });
    expect(report).toMatchObject({ ok: true, commands: [{ status: 'done' }] });
  });

  test('an abort while a thousand tasks go home stops at once, and a second restore finishes', async () => {
    await scratch.sleepers('home', 300);
    const before = snapshot(scratch.directory);
    await good([create(guest), move(home, guest)], { undo });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    const report = await run(restoring(), { signal: stop.signal });
    if (!report.ok) expect(report.error?.code).toBe('ABORT_ERR');
    await good(restoring());
    expect(snapshot(scratch.directory)).toEqual(before);
  });
});

test.skipIf(process.geteuid?.() !== 0)('a refused restore is no restore (as root)', async () => {
  const { cpus, hostTree } = await import('../support/tree.js');
  const host = hostTree({
    ...cpus('0-3'),
    'proc/irq/5/smp_affinity_list': '0-3',
    'proc/sys/kernel/random/boot_id': 'a boot',
    'sys/none': '',
  });
  const file = `${host.proc}/irq/5/smp_affinity_list`;
  const undoFile = `${host.run}/undo`;
  mkdirSync(host.run);
  const mask: Command = { name: 'irq-affinity', parameters: { mode: 'mask', cpuSet: 'C3' } };
  expect((await run([mask], { host, undo: undoFile })).ok).toBe(true);
  execFileSync('chattr', ['+i', file]);
  try {
    const report = await run([{ name: 'restore', parameters: { undoFile } }], { host });
    expect(report.error?.message).toMatch(/EPERM: its affinity is fixed/);
  } finally {
    execFileSync('chattr', ['-i', file]);
  }
  const again = await run([{ name: 'restore', parameters: { undoFile } }], { host });
  expect(again.ok).toBe(true);
  expect(host.read(file).trim()).toBe('0-3');
});

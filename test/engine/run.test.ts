import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Host, openHost } from '../../lib/host.js';
import { type Command, type RunOptions, run } from '../../lib/index.js';
import { recordFile } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot, taskset } from '../support/snapshot.js';

const create = (cpusetName: string, more = {}): Command => ({
  name: 'cpuset-create',
  parameters: { cpusetName, ...more },
});
const modify = (cpusetName: string, more: object): Command => ({
  name: 'cpuset-modify',
  parameters: { cpusetName, ...more },
});
const remove = (cpusetName: string): Command => ({ name: 'cpuset-delete', parameters: { cpusetName } });
const move = (cpusetFrom: string, cpusetTo: string): Command => ({
  name: 'move-tasks',
  parameters: { cpusetFrom, cpusetTo },
});
const restore = (undoFile: string): Command => ({ name: 'restore', parameters: { undoFile } });

describe.skipIf(notInPlace)(`a run, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  beforeEach(() => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
  });

  const good = async (commands: Command[], options: RunOptions = {}) => {
    const report = await run(commands, options);
    expect(report.error).toBeUndefined();
    expect(report.ok).toBe(true);
    return report;
  };

  test('create, modify, move and restore leave everything as it was', async () => {
    const home = scratch.make('home');
    const pids = await scratch.sleepers('home', 20);
    taskset('0', pids[0] ?? 0);
    const before = snapshot(scratch.directory);
    const guest = `${scratch.name}/guest`;
    const report = await good(
      [create(guest, { cpus: 'C1' }), modify(guest, { memMigrate: true, cpus: 'C0-1' }), move(home, guest)],
      { undo },
    );
    expect(scratch.tids('home')).toEqual([]);
    expect(scratch.tids('guest')).toEqual(expect.arrayContaining(pids));
    expect(scratch.read('guest/cpuset.memory_migrate')).toBe('1');
    expect(report.commands.map(({ status }) => status)).toEqual(['done', 'done', 'done']);
    await good([restore(undo)]);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a chain that fails is rolled back in reverse', async () => {
    const home = scratch.make('home');
    await scratch.sleepers('home', 3);
    const before = snapshot(scratch.directory);
    const guest = `${scratch.name}/guest`;
    const report = await run([create(guest), move(home, guest), modify(`${scratch.name}/nobody`, { cpus: 'C0' })], {
      undo,
    });
    expect(report.ok).toBe(false);
    expect(report.error?.message).toContain(`there is no cpuset ${scratch.name}/nobody`);
    expect(report.commands.map(({ status }) => status)).toEqual(['undone', 'undone', 'failed']);
    expect(report.rollbackErrors).toEqual([]);
    expect(snapshot(scratch.directory)).toEqual(before);
    const again = await good([restore(undo)]);
    expect(again.commands[0]?.notes.join()).toContain('nothing to restore');
  });

  test('keepGoing keeps what did not fail', async () => {
    const report = await run(
      [create(`${scratch.name}/a`), create(`${scratch.name}/no/b`), create(`${scratch.name}/c`)],
      { keepGoing: true, undo },
    );
    expect(report.ok).toBe(false);
    expect(report.commands.map(({ status }) => status)).toEqual(['done', 'failed', 'done']);
    expect(existsSync(`${scratch.directory}/a`)).toBe(true);
    expect(existsSync(`${scratch.directory}/c`)).toBe(true);
    await good([restore(undo)]);
    expect(existsSync(`${scratch.directory}/a`)).toBe(false);
  });

  test('a second run appends to a live record, and restore goes back to the first-seen value', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    const before = snapshot(scratch.directory);
    await good([modify(home, { cpus: 'C0' })], { undo });
    await good([modify(home, { cpus: 'C1' })], { undo });
    expect(scratch.read('home/cpuset.cpus')).toBe('1');
    await good([restore(undo)]);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a rollback goes back to what the run found, not to the first-seen value', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    await good([modify(home, { cpus: 'C0' })], { undo });
    const report = await run([modify(home, { cpus: 'C1' }), create(`${scratch.name}/no/b`)], { undo });
    expect(report.ok).toBe(false);
    expect(scratch.read('home/cpuset.cpus')).toBe('0');
    await good([restore(undo)]);
    expect(scratch.read('home/cpuset.cpus')).toBe('0-1');
  });

  test('restoring twice is a no-op that says so', async () => {
    await good([create(`${scratch.name}/a`)], { undo });
    await good([restore(undo)]);
    const again = await good([restore(undo)]);
    expect(again.commands[0]?.notes).toEqual([`nothing to restore: all of ${undo} has been undone already`]);
    expect(again.commands[0]?.changes).toEqual([]);
  });

  test('a restored record starts anew', async () => {
    await good([create(`${scratch.name}/a`)], { undo });
    await good([restore(undo)]);
    await good([create(`${scratch.name}/b`)], { undo });
    expect(readFileSync(recordFile(undo), 'utf8')).not.toContain(`${scratch.name}/a`);
  });

  test('what somebody else has changed since is left and reported; force restores it', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    scratch.make('other', { cpus: '0-1' });
    await good([modify(home, { cpus: 'C0' }), modify(`${scratch.name}/other`, { cpus: 'C0' })], { undo });
    scratch.write('home/cpuset.cpus', '1');
    const report = await run([restore(undo)]);
    expect(report.error?.code).toBe('ERR_INCOMPLETE');
    expect(report.commands[0]?.failures.map(({ message }) => message).join()).toContain(
      'set by somebody else; was 0-1',
    );
    expect(scratch.read('home/cpuset.cpus')).toBe('1');
    expect(scratch.read('other/cpuset.cpus')).toBe('0-1');
    await good([restore(undo)], { force: true });
    expect(scratch.read('home/cpuset.cpus')).toBe('0-1');
  });

  test('restore tries again in another order where the kernel asks for it', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    const child = scratch.make('home/child', { cpus: '0-1' });
    const before = snapshot(scratch.directory);
    await good([modify(child, { cpus: 'C0' }), modify(home, { cpus: 'C0' })], { undo });
    // The first-seen order is child, home; after the second run the child was touched last again.
    await good([modify(home, { cpus: 'C0-1' }), modify(child, { cpus: 'C1' }), modify(home, { cpus: 'C1' })], { undo });
    await good([restore(undo)]);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('restore while recording tells how to redo', async () => {
    const home = scratch.make('home');
    await scratch.sleepers('home', 3);
    const redo = `${scratch.folder}/redo`;
    const guest = `${scratch.name}/guest`;
    const before = snapshot(scratch.directory);
    await good([create(guest, { cpus: 'C1' }), move(home, guest)], { undo });
    const during = snapshot(scratch.directory);
    await good([restore(undo)], { undo: redo });
    expect(snapshot(scratch.directory)).toEqual(before);
    await good([restore(redo)]);
    expect(snapshot(scratch.directory)).toEqual(during);
  });

  test('a deleted cpuset comes back with its settings and its tasks', async () => {
    const home = scratch.make('home', { cpus: '1' });
    scratch.write('home/cpuset.memory_migrate', '1');
    scratch.write('home/cpuset.sched_load_balance', '0');
    await scratch.sleepers('home', 5);
    const before = snapshot(scratch.directory);
    await good([remove(home)], { undo });
    expect(existsSync(`${scratch.directory}/home`)).toBe(false);
    await good([restore(undo)]);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a deleted cpuset whose restore was killed before it was set comes back all the same', async () => {
    const home = scratch.make('home', { cpus: '1' });
    const before = snapshot(scratch.directory);
    await good([remove(home)], { undo });
    mkdirSync(`${scratch.directory}/home`);
    await good([restore(undo)]);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a cpuset that was modified, deleted, made again and modified again comes back as it was', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    await scratch.sleepers('home', 2);
    const before = snapshot(scratch.directory);
    await good(
      [
        modify(home, { cpus: 'C0' }),
        remove(home),
        create(home, { cpus: 'C1' }),
        modify(home, { cpus: 'C0-1', memMigrate: true }),
      ],
      { undo },
    );
    await good([restore(undo)]);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a cpuset that we made goes as a whole, whatever somebody else has set in it', async () => {
    const before = snapshot(scratch.directory);
    const guest = `${scratch.name}/guest`;
    await good([create(guest, { cpus: 'C0-1' }), modify(guest, { cpus: 'C0', memMigrate: true })], { undo });
    scratch.write('guest/cpuset.cpus', '1');
    const report = await good([restore(undo)]);
    expect(report.commands[0]?.changes.map(({ kind }) => kind)).toEqual(['cgroup']);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a file that is gone is reported, and given up with force', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    await good([modify(home, { cpus: 'C0' })], { undo });
    rmdirSync(`${scratch.directory}/home`);
    const report = await run([restore(undo)]);
    expect(report.error?.message).toMatch(/cpuset\.cpus is gone/);
    await good([restore(undo)], { force: true });
    expect((await good([restore(undo)])).commands[0]?.notes.join()).toMatch(/nothing to restore/);
  });

  test('a destination keeps its own tasks, and the children of those; what moved takes its children back', async () => {
    const [home, guest] = [scratch.make('home'), scratch.make('guest')];
    const forker = 'trap "sleep 1000 & echo forked" USR1; echo ready; while :; do sleep 0.05; done';
    const mover = await scratch.start('home', forker);
    const resident = await scratch.start('guest', forker);
    await good([move(home, guest)], { undo });
    for (const shell of [mover, resident]) {
      shell.kill('SIGUSR1');
      await new Promise((resolve) => shell.stdout?.once('data', resolve));
    }
    await good([restore(undo)]);
    const parentOf = (tid: number) => Number(readFileSync(`/proc/${tid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
    expect(scratch.tids('home')).toContain(mover.pid);
    expect(scratch.tids('guest')).toContain(resident.pid);
    expect(scratch.tids('home').filter((tid) => parentOf(tid) === resident.pid)).toEqual([]);
    expect(scratch.tids('guest').filter((tid) => parentOf(tid) === mover.pid)).toEqual([]);
  });

  test('a dry run plans the whole chain and changes nothing', async () => {
    const home = scratch.make('home');
    await scratch.sleepers('home', 2);
    const before = snapshot(scratch.directory);
    const guest = `${scratch.name}/guest`;
    const commands = [create(guest, { cpus: 'C1' }), move(home, guest), modify(guest, { cpus: 'C0' }), remove(guest)];
    const report = await good(commands, { dryRun: true, undo });
    expect(report.commands.map(({ status }) => status)).toEqual(['planned', 'planned', 'planned', 'planned']);
    expect(report.commands[2]?.changes[0]).toMatchObject({ from: '1', to: '0' });
    expect(report.commands[3]?.changes.map(({ kind }) => kind)).toEqual(['tasks', 'cgroup']);
    expect(snapshot(scratch.directory)).toEqual(before);
    expect(existsSync(recordFile(undo))).toBe(false);
  });

  test('an abort before the commit rolls back', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    const before = snapshot(scratch.directory);
    const stop = new AbortController();
    const report = await run([modify(home, { cpus: 'C0' }), create(`${scratch.name}/a`)], {
      undo,
      signal: stop.signal,
      onChange: () => stop.abort(),
    });
    expect(report.error?.code).toBe('ABORT_ERR');
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('an abort stops between two steps of a command, and also after the last', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    const before = snapshot(scratch.directory);
    for (const parameters of [{ cpus: 'C0', memMigrate: true }, { cpus: 'C0' }]) {
      const stop = new AbortController();
      const report = await run([modify(home, parameters)], { signal: stop.signal, onChange: () => stop.abort() });
      expect(report.error?.code).toBe('ABORT_ERR');
      expect(report.commands[0]?.changes.length).toBe(1);
      expect(snapshot(scratch.directory)).toEqual(before);
    }
  });

  test('a restore is a transaction of its own: what came before it holds, and its failure ends the chain', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    await good([modify(home, { cpus: 'C0' })], { undo });
    scratch.write('home/cpuset.cpus', '1');
    const report = await run([create(`${scratch.name}/a`), restore(undo), create(`${scratch.name}/b`)]);
    expect(report.error?.code).toBe('ERR_INCOMPLETE');
    expect(report.commands.map(({ status }) => status)).toEqual(['done', 'failed', 'skipped']);
    expect(existsSync(`${scratch.directory}/a`)).toBe(true);
    expect(existsSync(`${scratch.directory}/b`)).toBe(false);
  });

  test('an aborted restore goes on where it stopped', async () => {
    const names = ['a', 'b', 'c'].map((name) => `${scratch.name}/${name}`);
    const before = snapshot(scratch.directory);
    await good(
      names.map((name) => create(name)),
      { undo },
    );
    const stop = new AbortController();
    const report = await run([restore(undo)], { signal: stop.signal, onChange: () => stop.abort() });
    expect(report.error?.code).toBe('ABORT_ERR');
    expect(existsSync(`${scratch.directory}/c`)).toBe(false);
    expect(existsSync(`${scratch.directory}/a`)).toBe(true);
    await good([restore(undo)]);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('an aborted dry run of a restore ends there', async () => {
    const names = ['a', 'b', 'c'].map((name) => `${scratch.name}/${name}`);
    await good(
      names.map((name) => create(name)),
      { undo },
    );
    const stop = new AbortController();
    const report = await run([restore(undo)], { dryRun: true, signal: stop.signal, onChange: () => stop.abort() });
    expect(report.error?.code).toBe('ABORT_ERR');
    expect(report.commands[0]?.changes.length).toBe(1);
  });

  /** The running host, on which a file that is read for the first time aborts. */
  const abortingAt = (path: string, stop: AbortController): Host => {
    const host = openHost();
    const read = (file: string) => {
      if (file === path) stop.abort();
      return host.read(file);
    };
    return { ...host, read };
  };

  test('an abort while the last thing of a record is looked at is one, not a failure to restore it', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    await good([modify(home, { cpus: 'C0' })], { undo });
    const stop = new AbortController();
    const host = abortingAt(`${scratch.directory}/home/cpuset.cpus`, stop);
    const report = await run([restore(undo)], { host, signal: stop.signal });
    expect(report.error?.code).toBe('ABORT_ERR');
    expect(report.commands[0]?.failures).toEqual([]);
    expect(scratch.read('home/cpuset.cpus')).toBe('0');
  });

  test('an abort while a command is planned has nothing of it written ahead', async () => {
    const home = scratch.make('home', { cpus: '0-1' });
    const stop = new AbortController();
    const host = abortingAt(`${scratch.directory}/home/cpuset.cpus`, stop);
    const report = await run([modify(home, { cpus: 'C0' })], { host, signal: stop.signal, undo });
    expect(report.error?.code).toBe('ABORT_ERR');
    expect(readFileSync(recordFile(undo), 'utf8')).not.toContain('"type":"step"');
  });

  test('an unknown error of a listener does not leave half a chain', async () => {
    const before = snapshot(scratch.directory);
    const report = await run([create(`${scratch.name}/a`), create(`${scratch.name}/b`)], {
      undo,
      onChange: () => {
        throw new Error('a bug');
      },
    });
    expect(report.error?.code).toBe('ERR_INTERNAL');
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a second run waits for the lock no longer than it was told to', async () => {
    let inner: unknown;
    await good([create(`${scratch.name}/a`)], {
      onChange: () => {
        inner ??= run([create(`${scratch.name}/b`)], { wait: 0 }).catch((error) => error);
      },
    });
    expect(await inner).toMatchObject({ code: 'ERR_LOCKED' });
    expect(existsSync(`${scratch.directory}/b`)).toBe(false);
  });

  test('an unrelated file is never taken for a record', async () => {
    const file = recordFile(undo);
    writeFileSync(file, 'precious\n', { mode: 0o600 });
    await expect(run([create(`${scratch.name}/a`)], { undo })).rejects.toMatchObject({ code: 'ERR_RECORD' });
    expect(readFileSync(file, 'utf8')).toBe('precious\n');
    rmSync(file);
    expect(existsSync(`${scratch.directory}/a`)).toBe(false);
  });
});

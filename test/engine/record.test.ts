import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Command, type Host, openHost, run } from '../../lib/index.js';
import { encode, header, recordFile, rewrite, step, writeRecord } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';

describe.skipIf(notInPlace)(`the undo record, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let host: Host;
  let undo: string;
  let file: string;
  beforeEach(() => {
    scratch = openScratch();
    host = openHost({ run: `${scratch.folder}/run` });
    undo = `${scratch.folder}/undo`;
    file = recordFile(undo, host);
  });

  const create = (name: string, cpus = 'C0'): Command => ({
    name: 'cpuset-create',
    parameters: { cpusetName: `${scratch.name}/${name}`, cpus },
  });
  const restoring = (): Command[] => [{ name: 'restore', parameters: { undoFile: undo } }];
  const good = async (commands: Command[], options = {}) => {
    const report = await run(commands, { host, ...options });
    expect(report.error).toBeUndefined();
    return report.commands[0];
  };
  /** Both reading it and appending to it are refused, and nothing is touched. */
  const refused = async (message: RegExp) => {
    const before = snapshot(scratch.directory);
    const { error } = await run(restoring(), { host });
    expect(error?.message).toMatch(message);
    await expect(run([create('never')], { host, undo })).rejects.toThrow(message);
    expect(snapshot(scratch.directory)).toEqual(before);
  };

  test('is of mode 0600, one JSON object a line', async () => {
    await good([create('a')], { undo });
    expect(execFileSync('stat', ['-c', '%a %u', file], { encoding: 'utf8' }).trim()).toBe('600 0');
    const types = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    expect(types).toEqual(['header', 'run', 'step', 'detail', 'committed']);
  });

  describe('is refused where others could have written it:', () => {
    beforeEach(() => good([create('a')], { undo }));

    test('a link', async () => {
      const real = `${scratch.folder}/real`;
      execFileSync('mv', [file, real]);
      symlinkSync(real, file);
      await refused(/ELOOP/);
    });

    test('a second name', async () => {
      linkSync(file, `${scratch.folder}/other`);
      await refused(/has 2 names/);
    });

    test('another owner', async () => {
      chownSync(file, 65534, 0);
      await refused(/belongs to another user/);
    });

    test.each([0o620, 0o602])('mode %o', async (mode) => {
      chmodSync(file, mode);
      await refused(/may be written by others/);
    });

    test('a FIFO, without hanging', async () => {
      execFileSync('rm', [file]);
      execFileSync('mkfifo', [file]);
      await refused(/is not a regular file/);
    });

    test('more than 64 MiB', async () => {
      truncateSync(file, 65 * 1024 * 1024);
      await refused(/is larger than 64 MiB/);
    });
  });

  describe('is refused where it is damaged:', () => {
    test('a flipped bit', async () => {
      await good([create('a'), create('b')], { undo });
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, text.replace('"from":null', '"from":nulk'));
      await refused(/line 3: its checksum does not fit/);
    });

    test('no header', async () => {
      writeRecord(file, step(1, { kind: 'sync', target: '/', from: null, to: null }));
      await refused(/line 1: it is out of place/);
    });

    test('a newer format version', async () => {
      writeRecord(file, header({ version: 2, tool: '9.9.9', more: true }));
      await refused(/line 1: it was written by the newer version 9\.9\.9/);
    });

    test('a kind of step that is not known', async () => {
      writeRecord(file, header(), step(1, { kind: 'exec', target: '/bin/sh', from: null, to: null }));
      await refused(/line 2: unknown kind of step "exec"/);
    });

    test.each([
      ['/etc/shadow'],
      ['/sys/fs/cgroup/cpuset/../../../../etc/shadow'],
      ['/proc/sys/kernel/core_pattern'],
      ['/sys/fs/cgroup/cpuset/release_agent'],
      ['/sys/kernel/uevent_helper'],
      ['relative'],
      [''],
      [`/proc${'/a'.repeat(5_000_000)}`],
      ['/sys/fs/cgroup/cpuset/a\u0000b/cpuset.cpus'],
    ])('a path outside of what this tool writes to: %s', async (target) => {
      writeRecord(file, header(), step(1, { kind: 'file', target, from: 'x', to: 'y' }));
      await refused(/line 2: .*(none of the kernel's|no kernel file that|not a plain absolute path)/);
    });

    test('a cgroup outside of the hierarchies, or one with files of other names', async () => {
      writeRecord(file, header(), step(1, { kind: 'cgroup', target: '/tmp/x', from: null, to: {} }));
      await refused(/line 2/);
      const target = `${scratch.directory}/x`;
      writeRecord(file, header(), step(1, { kind: 'cgroup', target, from: { '../release_agent': 'x' }, to: null }));
      await refused(/line 2/);
    });

    test('a detail that is none of its kind', async () => {
      const home = scratch.make('home');
      const [from, to] = [scratch.directory, `${scratch.directory}/home`];
      const move = step(1, { kind: 'tasks', target: to, from, to });
      const detail = { type: 'detail', step: 1, from: '/../..', processes: [[1, 0]], threads: [] };
      writeRecord(file, header(), move, detail);
      await refused(/line 3: .*is no cgroup/);
      writeRecord(file, header(), move, { ...detail, from: home, processes: [[-1, 0]] });
      await refused(/line 3/);
    });
  });

  test('a last line that was cut short is passed over, and what follows does not come to stand behind it', async () => {
    const home = scratch.make('home');
    await scratch.sleepers('home', 2);
    const before = snapshot(scratch.directory);
    await good([create('a')], { undo });
    appendFileSync(file, encode(step(2, { kind: 'file', target: 'x'.repeat(9000), from: '', to: '' })).slice(0, -20));
    await good([{ name: 'move-tasks', parameters: { cpusetFrom: home, cpusetTo: `${scratch.name}/a` } }], { undo });
    await good(restoring());
    expect(snapshot(scratch.directory)).toEqual(before);
    appendFileSync(file, '{"crc"');
    expect((await good(restoring()))?.notes.join()).toMatch(/last line of .* was cut short/);
  });

  test('cannot be restored and be written to at once, however it is spelled', async () => {
    await good([create('a')], { undo });
    const report = await run(restoring(), { host, undo: `${scratch.folder}/nowhere/../undo` });
    expect(report.error).toMatchObject({ code: 'ERR_USAGE' });
    await good(restoring());
  });

  test('of an earlier boot has nothing to restore, and starts anew', async () => {
    await good([create('a')], { undo });
    rewrite(file, (entry) => (entry['type'] === 'header' ? { ...entry, boot: 'another' } : entry));
    expect((await good(restoring()))?.notes.join()).toMatch(/is of an earlier boot/);
    expect(existsSync(`${scratch.directory}/a`)).toBe(true);
    await good([create('b')], { undo });
    expect(readFileSync(file, 'utf8')).not.toContain('/a"');
  });

  describe('of an earlier boot is judged by its header alone:', () => {
    const stale = header({ boot: 'another' });

    test.each([
      ['a changed line', encode(step(1, { kind: 'sync', target: '/', from: null, to: null })).replace('sync', 'synk')],
      ['an unknown kind', encode(step(1, { kind: 'exec', target: '/bin/sh', from: null, to: null }))],
      ['bytes of no text', Buffer.from([0, 0xff, 0xfe, 0x0a, 0])],
      ['a last line without its newline', encode(step(1, { kind: 'sync', target: '/', from: null, to: null })).trim()],
    ])('with %s', async (_what, rest) => {
      writeRecord(file, stale);
      appendFileSync(file, rest);
      const notes = [`nothing to restore: ${undo} is of an earlier boot, and its changes went with it`];
      expect(await good(restoring())).toMatchObject({ notes, changes: [] });
      await good([create('a')], { undo });
      expect(readFileSync(file, 'utf8')).not.toContain('"another"');
      await good(restoring());
      expect(existsSync(`${scratch.directory}/a`)).toBe(false);
    });

    test('unless that is damaged, or of a newer version', async () => {
      writeFileSync(file, encode(stale).replace('another', 'changed'), { mode: 0o600 });
      await refused(/line 1: its checksum does not fit/);
      writeRecord(file, header({ boot: 'another', version: 2 }));
      await refused(/line 1: it was written by the newer version/);
      writeFileSync(file, encode(stale).trim(), { mode: 0o600 });
      await refused(/line 1: /);
    });
  });

  test('a task whose TID was reused is left alone', async () => {
    const [home, guest] = [scratch.make('home'), scratch.make('guest')];
    const pids = await scratch.sleepers('home', 2);
    await good([{ name: 'move-tasks', parameters: { cpusetFrom: home, cpusetTo: guest } }], { undo });
    const reused = pids[0] ?? 0;
    // As if the TID had been another task's when it was recorded, and the present one had been there before.
    const isReused = ([tid]: [number, number]) => tid === reused;
    rewrite(file, (entry) => {
      if (entry['type'] !== 'detail') return entry;
      if ('residents' in entry) return { ...entry, residents: [[reused, startOf(reused)]] };
      const { processes, threads } = entry as Record<'processes' | 'threads', [number, number][]>;
      const stale = (tasks: [number, number][]) => tasks.map((task) => (isReused(task) ? [reused, 1] : task));
      return { ...entry, processes: stale(processes), threads: stale(threads) };
    });
    await good(restoring());
    expect(scratch.tids('guest')).toEqual([reused]);
  });

  test('a deleted cpuset that somebody else has made again, with other settings, is left and reported', async () => {
    const home = scratch.make('home', { cpus: '0' });
    await good([{ name: 'cpuset-delete', parameters: { cpusetName: home } }], { undo });
    scratch.make('home', { cpus: '1' });
    const report = await run(restoring(), { host });
    expect(report.error?.message).toMatch(/was made again by somebody else, with other settings/);
    expect(scratch.read('home/cpuset.cpus')).toBe('1');
    await good(restoring(), { force: true });
    expect(scratch.read('home/cpuset.cpus')).toBe('0');
  });

  test('tasks that somebody else has moved on are left and reported; force brings them back', async () => {
    const [home, guest, other] = [scratch.make('home'), scratch.make('guest'), scratch.make('other')];
    const [pid = 0] = await scratch.sleepers('home', 1);
    await good([{ name: 'move-tasks', parameters: { cpusetFrom: home, cpusetTo: guest } }], { undo });
    writeFileSync(`/sys/fs/cgroup/cpuset${other}/tasks`, String(pid));
    const report = await run(restoring(), { host });
    expect(report.error?.message).toMatch(/1 task was moved on by somebody else \(task \d+ is in .*\/other\)/);
    expect(scratch.tids('other')).toEqual([pid]);
    await good(restoring(), { force: true });
    expect(scratch.tids('home')).toContain(pid);
  });
});

function startOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

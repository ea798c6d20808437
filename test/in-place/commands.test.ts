import { existsSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { BIN, execute, inOwnMounts, nothingButOrphans, vfioIsolate } from '../support/cli.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot, taskset } from '../support/snapshot.js';

describe.skipIf(notInPlace)(`the commands, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  let guest: string;
  beforeEach(() => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    guest = `${scratch.name}/guest`;
  });

  const good = async (...words: string[]) => {
    const ended = await vfioIsolate(...words);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    return ended;
  };
  const bad = async (status: number, message: RegExp, ...words: string[]) => {
    const before = snapshot(scratch.directory);
    const ended = await vfioIsolate(...words);
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ status, stdout: '' });
    expect(ended.stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
    expect(snapshot(scratch.directory)).toEqual(before);
  };

  test('1,000 processes are moved and come back, every task, mask and directory as before', async () => {
    const home = scratch.make('home');
    const pids = await scratch.sleepers('home', 1000);
    for (const pid of pids.slice(0, 10)) taskset('0', pid);
    for (const pid of pids.slice(10, 20)) taskset('1', pid);
    const before = snapshot(scratch.directory);
    await good('-u', undo, 'cpuset-create', '--cpus', 'C1', guest, 'move-tasks', home, guest);
    expect(scratch.tids('home')).toEqual([]);
    expect(scratch.tids('guest').length).toBe(1001);
    await good('restore', undo);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('cpuset-create takes cpus and mems from its parent where unsaid', async () => {
    const home = scratch.make('home', { cpus: '1' });
    await good('cpuset-create', `${home}/inner`);
    expect(scratch.read('home/inner/cpuset.cpus')).toBe('1');
    expect(scratch.read('home/inner/cpuset.mems')).toBe('0');
  });

  test('cpuset-modify sets every flag, and restore takes each back', async () => {
    scratch.write('cpuset.cpu_exclusive', '0');
    scratch.make('guest', { cpus: '1' });
    const before = snapshot(scratch.directory);
    await good('-u', undo, 'cpuset-modify', '--cpus', 'C0-1', '--mems', 'N0', '-mm', '-nlb', guest);
    expect(scratch.read('guest/cpuset.memory_migrate')).toBe('1');
    expect(scratch.read('guest/cpuset.sched_load_balance')).toBe('0');
    expect(scratch.read('guest/cpuset.cpus')).toBe('0-1');
    await good('-u', undo, 'cpuset-modify', '-nmm', '-lb', guest);
    expect(scratch.read('guest/cpuset.memory_migrate')).toBe('0');
    await good('restore', undo);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('an exclusive flag that the parent lacks is explained, and rolled back', async () => {
    scratch.make('guest');
    await bad(
      1,
      /cpu_exclusive: EACCES: its parent must be exclusive too; set the flag/,
      'cpuset-modify',
      '-mm',
      '-ce',
      guest,
    );
  });

  test('a cpuset with others below it is not deleted', async () => {
    scratch.make('guest');
    scratch.make('guest/inner');
    await bad(1, /guest has cpusets below it: .*guest\/inner; delete those first/, 'cpuset-delete', guest);
  });

  test('cpuset-delete takes the tasks to the parent first', async () => {
    scratch.make('guest');
    const pids = await scratch.sleepers('guest', 3);
    await good('cpuset-delete', guest);
    expect(existsSync(`${scratch.directory}/guest`)).toBe(false);
    expect(scratch.tids('.')).toEqual(expect.arrayContaining(pids));
  });

  test('a parent cannot be shrunk under its child, and the message says so', async () => {
    scratch.make('guest');
    scratch.make('guest/inner', { cpus: '1' });
    await bad(1, /EBUSY: a cpuset below it still uses CPUs/, 'cpuset-modify', '--cpus', 'C0', guest);
  });

  describe('a parent and its child that were led past each other', () => {
    let before: ReturnType<typeof snapshot>;
    const lists = (name: string) => scratch.read(`${name}/cpuset.cpus`);
    beforeEach(() => {
      scratch.make('guest', { cpus: '0' });
      scratch.make('guest/inner', { cpus: '0' });
      before = snapshot(scratch.directory);
    });
    const modify = (cpus: string, name: string) => ['cpuset-modify', '--cpus', cpus, name];
    const past = () => [...modify('C0-1', guest), ...modify('C1', `${guest}/inner`), ...modify('C1', guest)];

    /** The parent itself never has both CPUs. */
    const anew = () => [
      ...['cpuset-delete', `${guest}/inner`, ...modify('C1', guest)],
      ...['cpuset-create', '--cpus', 'C1', `${guest}/inner`],
    ];

    test.each([
      ['both changed', past],
      ['the child deleted and made again', anew],
    ])('are restored, and rolled back: %s', async (_what, chain) => {
      await good('-u', undo, ...chain());
      expect([lists('guest'), lists('guest/inner')]).toEqual(['1', '1']);
      await good('restore', undo);
      expect(snapshot(scratch.directory)).toEqual(before);
      await bad(1, /there is no cpuset/, ...chain(), 'cpuset-delete', `${guest}/none`);
      expect(snapshot(scratch.directory)).toEqual(before);
    });

    test('a restore that was stopped half way is finished by the next', async () => {
      await good('-u', undo, ...anew());
      scratch.write('guest/cpuset.cpus', '0-1');
      scratch.write('guest/inner/cpuset.cpus', '0');
      const { status, stderr } = await vfioIsolate('restore', undo);
      const told = expect.stringMatching(/cpuset.cpus had 0-1, as a restore leaves it that was stopped half way\n$/);
      expect({ status, stderr }).toEqual({ status: 0, stderr: told });
      expect(snapshot(scratch.directory)).toEqual(before);
    });

    test("somebody else's child is left, and told of", async () => {
      await good('-u', undo, ...past());
      scratch.make('guest/other', { cpus: '1' });
      const { status, stderr } = await vfioIsolate('restore', undo);
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/guest\/cpuset.cpus keeps 0-1: /),
      });
      expect([lists('guest'), lists('guest/inner'), lists('guest/other')]).toEqual(['0-1', '0', '1']);
    });
  });

  test('what is not there, what is there already, and what makes no sense are one line each', async () => {
    const home = scratch.make('home');
    await bad(1, /there is no cpuset \S+\/guest; \S+ has \S+\/home/, 'cpuset-modify', '--cpus', 'C0', guest);
    await bad(1, /there is a cpuset \S+\/home already; change it with cpuset-modify/, 'cpuset-create', home);
    await bad(1, /there is no cpuset \S+\/no/, 'cpuset-create', `${scratch.name}/no/guest`);
    await bad(2, /is both source and destination/, 'move-tasks', home, home);
    await bad(2, /nothing to modify/, 'cpuset-modify', home);
    await bad(2, /CPU 99 does not exist/, 'cpuset-modify', '--cpus', 'C0,99', home);
    await bad(2, /contains "\.\."/, 'cpuset-create', `${home}/../../../../tmp/x`);
    await bad(1, /there is no undo record/, 'restore', `${scratch.folder}/nothing`);
  });

  test('without root nothing is begun', async () => {
    const words = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath];
    const ended = await execute('setpriv', [...words, BIN, 'cpuset-create', guest]);
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(/EACCES: .*; changing the host needs root: use sudo\n$/);
    const listed = await execute('setpriv', [...words, BIN, 'records']);
    expect(listed).toMatchObject({ status: 1, stdout: '' });
    expect(listed.stderr).toMatch(/EACCES: .*; the records are root's: use sudo\n$/);
  });

  test('without a cgroup mount, and without the controller, it says so', async () => {
    const nothing = await inOwnMounts('umount -R /sys/fs/cgroup', 'cpuset-create', guest);
    expect(nothing.stderr).toMatch(/no cgroup file system is mounted; mount one/);
    const noCpuset = await inOwnMounts('umount /sys/fs/cgroup/cpuset', 'cpuset-create', guest);
    expect(noCpuset.stderr).toMatch(/no cgroup hierarchy carries the cpuset controller/);
    expect([nothing.status, noCpuset.status]).toEqual([1, 1]);
  });

  test('a hierarchy at an unusual mount point is found', async () => {
    const elsewhere = `mkdir ${scratch.folder}/m; mount --move /sys/fs/cgroup/cpuset ${scratch.folder}/m`;
    const remount = elsewhere.replace(
      'mount --move /sys/fs/cgroup/cpuset',
      'umount /sys/fs/cgroup/cpuset; mount -t cgroup -o cpuset none',
    );
    const ended = await inOwnMounts(remount, '-v', 'cpuset-create', guest);
    expect(ended.stderr).toContain(`${scratch.folder}/m${guest}: none -> cpuset`);
    expect(ended.status).toBe(0);
    expect(existsSync(`${scratch.directory}/guest`)).toBe(true);
  });

  test('a hierarchy of which only a part is mounted, as in a container, is refused', async () => {
    const part = `mkdir ${scratch.folder}/m; mount --bind ${scratch.directory} ${scratch.folder}/m`;
    const ended = await inOwnMounts(`${part}; umount /sys/fs/cgroup/cpuset`, 'cpuset-create', '/guest');
    expect(ended.stderr).toMatch(/only \S+ of the cpusets is mounted, at \S+\/m; run it where the whole/);
    expect(ended.status).toBe(1);
  });

  test('the demo makes do with affinity where cpusets are out of reach', async () => {
    const ended = await inOwnMounts('mount -o remount,ro,bind /sys/fs/cgroup/cpuset', 'demo');
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^Isolating with affinity alone \(.*EROFS/);
  });

  const store = '/run/vfio-isolate';

  test('a full or read-only disk for the records stops it before anything is done', async () => {
    const full = await inOwnMounts(
      `mount -t tmpfs -o size=4k,mode=700 none ${store}; head -c 4096 /dev/zero > ${store}/x || true`,
      ...['-u', undo, 'cpuset-create', guest],
    );
    expect(full).toMatchObject({ status: 1 });
    expect(full.stderr).toMatch(/ENOSPC: .*; the records are kept in \/run, which is full: make room there/);
    const readOnly = await inOwnMounts(
      `mount -t tmpfs -o mode=700 none ${store}; touch ${store}/lock; mount -o remount,ro ${store}`,
      ...['-u', undo, 'cpuset-create', guest],
    );
    expect(readOnly).toMatchObject({ status: 1 });
    expect(readOnly.stderr).toMatch(/EROFS: .*\n$/);
    expect(existsSync(`${scratch.directory}/guest`)).toBe(false);
  });

  test('a record is one by its name in whatever /tmp, as that of a service with a private one', async () => {
    const before = snapshot(scratch.directory);
    const privately = 'mount -t tmpfs none /tmp';
    expect(await inOwnMounts(privately, '-u', undo, 'cpuset-create', guest)).toMatchObject({ status: 0 });
    expect(await inOwnMounts(privately, '-u', undo, 'cpuset-create', `${guest}/inner`)).toMatchObject({ status: 0 });
    await good('restore', undo);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('a disk that fills up under way rolls everything back', async () => {
    const before = snapshot(scratch.directory);
    const disk = `mount -t tmpfs -o size=4k,mode=700 none ${store}`;
    const chain = Array.from({ length: 40 }, (_, index) => ['cpuset-create', `${scratch.name}/c${index}`]).flat();
    const ended = await inOwnMounts(disk, '-v', '-u', undo, ...chain);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/\/c5: none -> cpuset/);
    expect(ended.stderr).toMatch(/ENOSPC/);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('the record is written before the change that it is for', async () => {
    const trace = `${scratch.folder}/trace`;
    const calls = 'trace=pwrite64,mkdirat,write';
    await execute('strace', [
      '-f',
      '-s',
      '4096',
      '-o',
      trace,
      '-e',
      calls,
      process.execPath,
      BIN,
      '-u',
      undo,
      'cpuset-create',
      guest,
    ]);
    const lines = readFileSync(trace, 'utf8').split('\n');
    const written = lines.findIndex((line) => /pwrite64\(.*\\"type\\":\\"step\\"/.test(line));
    const made = lines.findIndex((line) => /mkdirat\(.*"guest".*= 0/.test(line));
    expect(written).toBeGreaterThan(-1);
    expect(made).toBeGreaterThan(written);
    expect(existsSync(`${scratch.directory}/guest`)).toBe(true);
  });

  test('killed in the middle of its chain, restore brings the host back', async () => {
    const home = scratch.make('home');
    await scratch.sleepers('home', 50);
    const before = snapshot(scratch.directory);
    const kill = ['-f', '-o', '/dev/null', '-e', 'inject=mkdirat:signal=SIGKILL:when=2'];
    const chain = ['-u', undo, 'cpuset-create', guest, 'move-tasks', home, guest, 'cpuset-create', `${guest}/inner`];
    const killed = await execute('strace', [...kill, process.execPath, BIN, ...chain]);
    expect(killed.signal).toBe('SIGKILL');
    expect(scratch.tids('guest').length).toBe(51);
    await good('restore', undo);
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s before the commit rolls back', async (signal) => {
    const home = scratch.make('home');
    await scratch.sleepers('home', 400);
    const before = snapshot(scratch.directory);
    const there = Array.from({ length: 20 }, () => ['move-tasks', home, guest, 'move-tasks', guest, home]).flat();
    const watch = (pid: number) => {
      const timer = setInterval(() => {
        if (!existsSync(`${scratch.directory}/guest`)) return;
        clearInterval(timer);
        process.kill(pid, signal);
      }, 1);
    };
    const words = [BIN, '-u', undo, 'cpuset-create', guest, ...there];
    const ended = await execute(process.execPath, words, {}, watch);
    expect(ended).toMatchObject({ status: { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal], signal: null });
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test('tasks that fork all the while are all moved, none is left behind and none is lost', async () => {
    const home = scratch.make('home');
    await scratch.start('home', 'echo ready; while :; do sh -c "sleep 0.01 & sleep 0.02" & sleep 0.005; done');
    await good('-u', undo, 'cpuset-create', guest, 'move-tasks', home, guest);
    expect(scratch.tids('home')).toEqual([]);
    const restored = await vfioIsolate('restore', undo);
    expect(restored).toMatchObject({ status: 0, stderr: expect.stringMatching(nothingButOrphans) });
    expect(scratch.tids('home').length).toBeGreaterThan(0);
    expect(existsSync(`${scratch.directory}/guest`)).toBe(false);
  });

  test('two runs at once with one record lose nothing', async () => {
    const before = snapshot(scratch.directory);
    const names = ['a', 'b', 'c', 'd'].map((name) => `${scratch.name}/${name}`);
    const ended = await Promise.all(names.map((name) => vfioIsolate('-u', undo, 'cpuset-create', name)));
    expect(ended.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    await good('restore', undo);
    expect(snapshot(scratch.directory)).toEqual(before);
  });
});

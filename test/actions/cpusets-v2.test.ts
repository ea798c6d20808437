// How the cpuset commands are planned on cgroup v2, on trees that stand in for hosts; that they work is for the guests.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import { type Command, run } from '../../lib/index.js';
import { header, recordFile, step, writeRecord } from '../support/record.js';
import { CGROUP2_MOUNT, cpus, hostTree } from '../support/tree.js';

const recorded = (path: string, changes: readonly object[]) =>
  writeRecord(path, header({ boot: 'boot' }), ...changes.map((change, index) => step(index + 1, change)));

function hostWith(cgroups: Readonly<Record<string, Readonly<Record<string, string>>>>, systemd: boolean): Host {
  const files = Object.entries(cgroups).flatMap(([path, texts]) =>
    Object.entries({ 'cgroup.procs': '', 'cgroup.subtree_control': '', ...texts }).map(
      ([name, text]) => [`sys/fs/cgroup${path}/${name}`, text] as const,
    ),
  );
  const host = hostTree({
    'proc/self/mountinfo': CGROUP2_MOUNT,
    'proc/sys/kernel/random/boot_id': 'boot',
    'proc/sys/kernel/osrelease': '6.12.0',
    'proc/uptime': '10.00 5.00',
    'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu memory pids',
    ...cpus('0-7'),
    'sys/devices/system/node/online': '0-1',
    'sys/devices/system/node/has_memory': '0-1',
    'sys/devices/system/node/node0/cpulist': '0-3',
    'sys/devices/system/node/node1/cpulist': '4-7',
    ...Object.fromEntries(files),
  });
  if (systemd) mkdirSync(join(host.run, 'systemd/system'), { recursive: true });
  return host;
}

async function planned(host: Host, ...commands: Command[]): Promise<string[]> {
  const report = await run(commands, { host, dryRun: true });
  if (report.error) throw report.error;
  return report.commands.flatMap(({ changes }) => changes.map(({ text }) => text.replaceAll(host.sys, '/sys')));
}

const modify = (cpusetName: string, more: Command['parameters'] = { cpus: 'C0-3' }): Command => ({
  name: 'cpuset-modify',
  parameters: { cpusetName, ...more },
});
const create = (cpusetName: string, more: Command['parameters'] = { cpus: 'C0-3' }): Command => ({
  name: 'cpuset-create',
  parameters: { cpusetName, ...more },
});
const move = (cpusetFrom: string, cpusetTo: string): Command => ({
  name: 'move-tasks',
  parameters: { cpusetFrom, cpusetTo },
});

describe('without systemd', () => {
  const host = () => hostWith({ '': { 'cgroup.subtree_control': 'memory' }, '/a': {}, '/a/b': {} }, false);

  test('the controller is enabled from the root down, and not on the cpuset itself', async () => {
    expect(await planned(host(), create('/a/b/c'))).toEqual([
      'cpuset controller below /sys/fs/cgroup: off -> on',
      'cpuset controller below /sys/fs/cgroup/a: off -> on',
      'cpuset controller below /sys/fs/cgroup/a/b: off -> on',
      '/sys/fs/cgroup/a/b/c: none -> cpuset with cpuset.cpus 0-3',
    ]);
  });

  test('what was enabled by an earlier command of the chain is enabled no more', async () => {
    expect(await planned(host(), create('/x'), modify('/x', { mems: 'N1' }), create('/y', {}))).toEqual([
      'cpuset controller below /sys/fs/cgroup: off -> on',
      '/sys/fs/cgroup/x: none -> cpuset with cpuset.cpus 0-3',
      '/sys/fs/cgroup/x/cpuset.mems: (empty) -> 1',
      '/sys/fs/cgroup/y: none -> cgroup',
    ]);
  });

  test('a dry run sees what earlier commands of the chain would have left, as the kernel would', async () => {
    expect(await planned(host(), create('/n', {}), create('/n/m', { cpus: 'C1' }))).toContain(
      '/sys/fs/cgroup/n/m: none -> cpuset with cpuset.cpus 1',
    );
    await expect(planned(host(), modify('/a'), modify('/a/b', { cpus: 'C4-7' }))).rejects.toThrow(
      '/a/b cannot have cpus 4-7: the cgroup above it has 0-3',
    );
  });

  test('lists are restored from the top down, and emptied files of cgroups that have gone are no difference', async () => {
    const nested = hostWith(
      {
        '': { 'cgroup.subtree_control': 'cpuset' },
        '/a': { 'cpuset.cpus': '', 'cpuset.cpus.effective': '0-7', 'cgroup.subtree_control': 'cpuset' },
        '/a/b': { 'cpuset.cpus': '', 'cpuset.cpus.effective': '0-7' },
      },
      false,
    );
    const file = (path: string) => join(nested.sys, 'fs/cgroup', path);
    const record = join(nested.run, 'undo');
    const lines = ['/a', '/a/b', '/gone'].map((cgroup) => ({
      kind: 'file',
      target: file(`${cgroup}/cpuset.cpus`),
      from: '',
      to: '0-3',
    }));
    recorded(recordFile(record, nested), lines);
    for (const cgroup of ['/a', '/a/b']) {
      writeFileSync(file(`${cgroup}/cpuset.cpus`), '0-3');
      writeFileSync(file(`${cgroup}/cpuset.cpus.effective`), '0-3');
    }
    const report = await run([{ name: 'restore', parameters: { undoFile: record } }], { host: nested, dryRun: true });
    const order = report.commands.flatMap(({ changes }) => changes.map(({ target }) => target));
    expect(report.ok).toBe(true);
    expect(order).toEqual([file('/a/cpuset.cpus'), file('/a/b/cpuset.cpus')]);
  });

  test.each(['there', 'not there'])(
    'a deleted cpuset that is %s comes back without lists where the controller is gone already',
    async (there) => {
      const tree = hostWith(
        { '': { 'cgroup.subtree_control': 'memory' }, ...(there === 'there' && { '/a': {} }) },
        false,
      );
      const record = join(tree.run, 'undo');
      const root = `${tree.sys}/fs/cgroup`;
      recorded(recordFile(record, tree), [
        { kind: 'controller', target: root, from: 'off', to: 'on' },
        { kind: 'cgroup', target: `${root}/a`, from: { 'cpuset.cpus': '', 'cpuset.mems': '' }, to: null },
      ]);
      const report = await run([{ name: 'restore', parameters: { undoFile: record } }], { host: tree });
      expect(report.error).toBeUndefined();
      expect(existsSync(`${root}/a`)).toBe(true);
    },
  );

  test('CPUs that the cgroup above does not have are refused', async () => {
    const narrow = hostWith(
      { '': { 'cgroup.subtree_control': 'cpuset' }, '/a': { 'cpuset.cpus': '0-3', 'cpuset.cpus.effective': '0-3' } },
      false,
    );
    await expect(planned(narrow, create('/a/b', { cpus: 'C4-7' }))).rejects.toThrow(
      '/a/b cannot have cpus 4-7: the cgroup above it has 0-3',
    );
  });
});

describe('with systemd', () => {
  const host = () =>
    hostWith(
      {
        '': {},
        '/system.slice': {},
        '/system.slice/a.service': {},
        '/system.slice/a.service/inner': {},
        '/machine.slice': {},
        '/raw': {},
      },
      true,
    );

  test('a unit is changed by its properties, however often', async () => {
    expect(
      await planned(host(), modify('/system.slice'), modify('/system.slice', { cpus: 'C0-1', mems: 'N0' })),
    ).toEqual([
      'system.slice AllowedCPUs: (unset) -> 0-3',
      'system.slice AllowedCPUs: 0-3 -> 0-1',
      'system.slice AllowedMemoryNodes: (unset) -> 0',
    ]);
  });

  test('a cpuset is a slice with a leaf, where the dashes of its name say', async () => {
    expect(await planned(host(), create('/machine.slice/machine-guest.slice'))).toEqual([
      'machine-guest.slice: none -> AllowedCPUs=0-3 AllowedMemoryNodes=(all)',
      '/sys/fs/cgroup/machine.slice/machine-guest.slice/tasks: none -> cgroup',
    ]);
    await expect(planned(host(), create('/machine.slice/guest.slice'))).rejects.toThrow('systemd owns the cgroups');
  });

  test('tasks go to a leaf of a slice, and do not leave a service', async () => {
    expect(await planned(host(), move('/', '/machine.slice'))).toEqual([
      '/sys/fs/cgroup/machine.slice/tasks: none -> cgroup',
      'tasks: /sys/fs/cgroup -> /sys/fs/cgroup/machine.slice/tasks',
    ]);
    await expect(planned(host(), move('/system.slice/a.service/inner', '/machine.slice'))).rejects.toThrow(
      '/system.slice/a.service/inner belongs to a.service',
    );
  });

  test.each([
    ['/system.slice/a.service/inner', '/system.slice/a.service/inner is managed by a.service'],
    ['/raw', '/raw is no unit of systemd'],
    ['/', 'the root cpuset cannot be changed'],
  ])('%s is not changed by hand', async (name, why) => {
    await expect(planned(host(), modify(name))).rejects.toThrow(why);
  });

  test.each([
    [{ cpuExclusive: true }, 'there is no cpu_exclusive on cgroup v2'],
    [{ memExclusive: false }, 'there is no mem_exclusive on cgroup v2'],
    [{ memMigrate: false }, 'there is no memory_migrate on cgroup v2'],
    [{ schedLoadBalance: true }, 'there is no sched_load_balance on cgroup v2'],
  ])('%o is refused', async (flag, why) => {
    await expect(planned(host(), modify('/system.slice', flag))).rejects.toThrow(why);
  });

  test("the real systemd is never asked for another machine's tree", async () => {
    const report = await run([modify('/system.slice')], { host: host() });
    expect(report).toMatchObject({ ok: false, error: { message: expect.stringMatching(/is not this machine's/) } });
  });

  test.each(['-Hroot@evil.service', '..', 'a/b.service', 'x.target'])(
    'a record that names %s is refused',
    async (unit) => {
      const tree = host();
      const record = join(tree.run, 'undo');
      const value = (list: string) => ({ list, dropIn: false });
      recorded(recordFile(record, tree), [
        { kind: 'property', target: `${tree.sys}/fs/cgroup/${unit} AllowedCPUs`, from: value(''), to: value('0-3') },
      ]);
      await expect(
        run([{ name: 'restore', parameters: { undoFile: record } }], { host: tree, dryRun: true }).then(
          ({ error }) => error?.message,
        ),
      ).resolves.toMatch(/line 2: .*(is no property of a unit|not a plain absolute path)/);
    },
  );

  test('memory migration is what v2 does anyway', async () => {
    expect(await planned(host(), modify('/system.slice', { memMigrate: true }))).toEqual([]);
  });
});

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SystemError } from '../../lib/errors.js';
import { type Host, type RunOptions, run } from '../../lib/index.js';
import { cpus, hostTree } from '../support/tree.js';

function policy(number: number, affected: string, governor = 'schedutil'): Record<string, string> {
  const root = `sys/devices/system/cpu/cpufreq/policy${number}`;
  return {
    [`${root}/affected_cpus`]: affected,
    [`${root}/scaling_governor`]: governor,
    [`${root}/scaling_available_governors`]: 'performance schedutil ',
  };
}

async function planned(tree: Record<string, string>, governor: string, cpuSet?: string) {
  const parameters = { governor, ...(cpuSet && { cpuSet }) };
  const report = await run([{ name: 'cpu-governor', parameters }], { dryRun: true, host: hostTree(tree) });
  if (report.error) throw report.error;
  const [command] = report.commands;
  return { names: command?.changes.map(({ target }) => /policy\d+/.exec(target)?.[0]), notes: command?.notes };
}

describe('cpu-governor', () => {
  const tree = { ...cpus('0-11'), ...policy(0, '0 1'), ...policy(2, '2 3'), ...policy(10, '10'), ...policy(4, '', '') };

  test('without CPUs it sets every policy, in the order of their numbers', async () => {
    expect(await planned(tree, 'performance')).toEqual({
      names: ['policy0', 'policy2', 'policy10'],
      notes: ['no cpufreq driver governs CPUs 4-9,11'],
    });
  });

  test('with CPUs it sets the policies that they belong to, and says where that is more than was asked', async () => {
    expect(await planned(tree, 'performance', 'C2,10')).toEqual({
      names: ['policy2', 'policy10'],
      notes: ['policy2 governs CPUs 2-3 together'],
    });
  });

  test('a policy that has the governor already is left', async () => {
    const set = { ...cpus('0-1'), ...policy(0, '0', 'performance'), ...policy(1, '1') };
    expect((await planned(set, 'performance')).names).toEqual(['policy1']);
  });

  test('a governor that the host does not have is refused, naming those that it has', async () => {
    await expect(planned(tree, 'turbo')).rejects.toMatchObject({
      message: 'policy0 has no governor "turbo"',
      remedy: 'it has performance, schedutil',
    });
  });

  test('without a cpufreq driver it says so: a note, but an error for CPUs that were named', async () => {
    expect(await planned(cpus('0-3'), 'performance')).toEqual({
      names: [],
      notes: ['no cpufreq driver is loaded: no CPU has a governor to be set'],
    });
    await expect(planned(cpus('0-3'), 'performance', 'C0-3')).rejects.toThrow('no cpufreq driver governs CPUs 0-3');
  });

  test('CPUs that are offline, or that no driver governs, are told of', async () => {
    const some = { ...cpus('0-3', '0-5'), ...policy(0, '0 1') };
    expect(await planned(some, 'performance', 'C0-2,5')).toEqual({
      names: ['policy0'],
      notes: ['CPUs 5 are offline, and have no governor', 'no cpufreq driver governs CPUs 2'],
    });
    await expect(planned(some, 'performance', 'C4-5')).rejects.toThrow('CPUs 4-5 are offline, and have no governor');
    expect((await planned(some, 'performance')).notes).toEqual(['no cpufreq driver governs CPUs 2-3']);
  });

  test('a policy that lists no governors is refused', async () => {
    const bare = { ...policy(0, '0'), 'sys/devices/system/cpu/cpufreq/policy0/scaling_available_governors': '' };
    await expect(planned({ ...cpus('0'), ...bare }, 'performance')).rejects.toMatchObject({
      remedy: 'its driver lists none',
    });
  });

  /** From some release on the files of a policy whose CPUs are all offline answer so. */
  const offline = (host: Host, name: string): Host => ({
    ...host,
    read(path) {
      if (path.includes(`/${name}/`)) throw new SystemError({ errno: -16, syscall: 'read', path });
      return host.read(path);
    },
  });

  test('a policy whose CPUs are all offline is passed over', async () => {
    const host = offline(hostTree(tree), 'policy2');
    const command = { name: 'cpu-governor', parameters: { governor: 'performance' } };
    const report = await run([command], { dryRun: true, host });
    expect(report.error).toBeUndefined();
    expect(report.commands[0]?.changes.map(({ target }) => /policy\d+/.exec(target)?.[0])).toEqual([
      'policy0',
      'policy10',
    ]);
  });

  describe('restored', () => {
    const boot = { 'proc/sys/kernel/random/boot_id': '11111111-1111-1111-1111-111111111111' };
    const path = (host: Host, name: string) => `${host.sys}/devices/system/cpu/cpufreq/${name}/scaling_governor`;
    const governors = (host: Host) =>
      ['policy0', 'policy2', 'policy10'].map((name) => host.read(path(host, name)).trim());

    async function performance(...words: string[]) {
      const host = hostTree({ ...boot, ...tree });
      mkdirSync(host.run);
      const undo = `${host.run}/undo`;
      const [cpuSet] = words;
      const parameters = { governor: 'performance', ...(cpuSet && { cpuSet }) };
      expect((await run([{ name: 'cpu-governor', parameters }], { host, undo })).error).toBeUndefined();
      const restore = async (options: RunOptions = {}) =>
        (await run([{ name: 'restore', parameters: { undoFile: undo } }], { host, ...options })).error;
      return { host, restore };
    }

    test('each policy has its governor again', async () => {
      const { host, restore } = await performance('C2,10');
      expect(governors(host)).toEqual(['schedutil', 'performance', 'performance']);
      expect(await restore()).toBeUndefined();
      expect(governors(host)).toEqual(['schedutil', 'schedutil', 'schedutil']);
    });

    test('one that somebody else has set since is left and told of, unless forced', async () => {
      const { host, restore } = await performance();
      writeFileSync(path(host, 'policy2'), 'powersave\n');
      expect((await restore())?.message).toContain('is powersave, set by somebody else; was schedutil');
      expect(governors(host)).toEqual(['schedutil', 'powersave', 'schedutil']);
      expect(await restore({ force: true })).toBeUndefined();
      expect(governors(host)).toEqual(['schedutil', 'schedutil', 'schedutil']);
    });

    test('the preference that "performance" takes along comes back, once the governor is back', async () => {
      const file = 'sys/devices/system/cpu/cpufreq/policy2/energy_performance_preference';
      const host = hostTree({ ...boot, ...tree, [file]: 'balance_power' });
      mkdirSync(host.run);
      const undo = `${host.run}/undo`;
      const command = { name: 'cpu-governor', parameters: { governor: 'performance' } };
      expect((await run([command], { host, undo })).error).toBeUndefined();
      const preference = `${host.sys}/devices/system/cpu/cpufreq/policy2/energy_performance_preference`;
      expect(host.read(preference).trim()).toBe('performance');
      const report = await run([{ name: 'restore', parameters: { undoFile: undo } }], { host });
      const order = report.commands[0]?.changes.flatMap(({ target }) => (target.includes('policy2') ? [target] : []));
      expect(order).toEqual([path(host, 'policy2'), preference]);
      expect(host.read(preference).trim()).toBe('balance_power');
    });

    test('one that has vanished is told of, and given up with force', async () => {
      const { host, restore } = await performance();
      rmSync(path(host, 'policy2'));
      expect((await restore())?.message).toContain('policy2/scaling_governor is gone');
      expect(await restore({ force: true })).toBeUndefined();
    });

    test('one whose CPUs have all gone offline waits for them', async () => {
      const { host, restore } = await performance();
      const error = await restore({ host: offline(host, 'policy2') });
      expect(error?.message).toContain('EBUSY: all CPUs of this policy are offline');
      expect(error?.remedy).toContain('bring one of them online');
      expect(await restore()).toBeUndefined();
      expect(governors(host)).toEqual(['schedutil', 'schedutil', 'schedutil']);
    });
  });
});

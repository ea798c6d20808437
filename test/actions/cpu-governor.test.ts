import { describe, expect, test } from 'vitest';
import { run } from '../../lib/index.js';
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
    expect(await planned(tree, 'performance')).toEqual({ names: ['policy0', 'policy2', 'policy10'], notes: [] });
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

  test('without a cpufreq driver it says so', async () => {
    await expect(planned(cpus('0-3'), 'performance')).rejects.toThrow('no cpufreq driver governs CPUs 0-3');
  });
});

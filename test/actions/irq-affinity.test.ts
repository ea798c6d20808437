import { describe, expect, test } from 'vitest';
import { run } from '../../lib/index.js';
import { cpus, hostTree } from '../support/tree.js';

const interrupts = (lists: Record<string, string>, standard: string) => ({
  ...Object.fromEntries(Object.entries(lists).map(([irq, list]) => [`proc/irq/${irq}/smp_affinity_list`, list])),
  'proc/irq/default_smp_affinity': standard,
});

async function planned(mode: string, cpuSet: string, tree: Record<string, string>) {
  const report = await run([{ name: 'irq-affinity', parameters: { mode, cpuSet } }], {
    dryRun: true,
    host: hostTree(tree),
  });
  if (report.error) throw report.error;
  const name = (target: string) => /irq\/(\d+|default)/.exec(target)?.[1] ?? target;
  return Object.fromEntries(
    report.commands[0]?.changes.map(({ target, from, to }) => [name(target), `${from} > ${to}`]) ?? [],
  );
}

describe('irq-affinity', () => {
  test('mask takes the CPUs out of every interrupt; one wholly inside goes to all other online CPUs', async () => {
    const tree = { ...cpus('0-7', '0-9'), ...interrupts({ 0: '0-7', 9: '2-3', 10: '4', 11: '0-1', 12: '3-9' }, '3ff') };
    expect(await planned('mask', 'C2-5', tree)).toEqual({
      0: '0-7 > 0-1,6-7',
      9: '2-3 > 0-1,6-7',
      10: '4 > 0-1,6-7',
      12: '3-9 > 6-9',
      default: '3ff > 3c3',
    });
  });

  test('add puts them in', async () => {
    const tree = { ...cpus('0-3'), ...interrupts({ 0: '0', 1: '0-3' }, '3') };
    expect(await planned('add', 'C2', tree)).toEqual({ 0: '0 > 0,2', default: '3 > 7' });
  });

  test('the default mask has as many digits as the kernel gives it', async () => {
    const tree = { ...cpus('0-39'), ...interrupts({ 0: '0-39' }, 'ff,ffffffff') };
    expect(await planned('mask', 'C0-3', tree)).toMatchObject({ default: 'ff,ffffffff > ff,fffffff0' });
  });

  test('a mask that would leave no CPU to interrupts is refused', async () => {
    const tree = { ...cpus('0-3', '0-5'), ...interrupts({ 0: '0-3' }, 'f') };
    await expect(planned('mask', 'C0-3', tree)).rejects.toThrow('would leave no CPU to interrupts');
  });

  test('anything but mask and add is refused', async () => {
    await expect(planned('ban', 'C0', { ...cpus('0-3'), ...interrupts({}, 'f') })).rejects.toThrow('takes mask or add');
  });
});

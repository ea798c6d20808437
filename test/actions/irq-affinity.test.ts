import { mkdirSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SystemError } from '../../lib/errors.js';
import type { Host } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { commandLine } from '../support/injected.js';
import { cpus, hostTree } from '../support/tree.js';
import { withReadOnly } from '../support/unprivileged.js';

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

const boot = { 'proc/sys/kernel/random/boot_id': '11111111-1111-1111-1111-111111111111' };

/** The lists of a tree as they are now, by interrupt. */
const listsOf = (host: Host, ...irqs: number[]) =>
  irqs.map((irq) => host.read(`${host.proc}/irq/${irq}/smp_affinity_list`).trim());
const defaultOf = (host: Host) => host.read(`${host.proc}/irq/default_smp_affinity`).trim();
const fixed = (...irqs: number[]) => irqs.map((irq) => `proc/irq/${irq}/smp_affinity_list`);

const irqAffinity = (mode: string, cpuSet: string) => ({ name: 'irq-affinity', parameters: { mode, cpuSet } });

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

  test.each(['mask', 'add'])('%s is undone to the very lists', async (mode) => {
    const lists = { 0: '0-7', 1: '0,3,5-7', 9: '2-3', 10: '6' };
    const host = hostTree({ ...boot, ...cpus('0-7'), ...interrupts(lists, 'bf') });
    const undo = `${host.run}/undo`;
    mkdirSync(host.run);
    expect((await run([irqAffinity(mode, 'C2-5')], { host, undo })).ok).toBe(true);
    const during = mode === 'mask' ? ['0-1,6-7', '0,6-7', '0-1,6-7', '6'] : ['0-7', '0,2-7', '2-5', '2-6'];
    expect(listsOf(host, 0, 1, 9, 10)).toEqual(during);
    expect(defaultOf(host)).toBe(mode === 'mask' ? '83' : 'bf');
    expect((await run([{ name: 'restore', parameters: { undoFile: undo } }], { host })).ok).toBe(true);
    expect(listsOf(host, 0, 1, 9, 10)).toEqual(Object.values(lists));
    expect(defaultOf(host)).toBe('bf');
  });

  test('an interrupt that refuses is counted, and named with -v alone', async () => {
    const host = hostTree({ ...boot, ...cpus('0-3'), ...interrupts({ 4: '0-3', 9: '0-3', 24: '3' }, 'f') });
    const said = await withReadOnly(host, fixed(9, 24), async () => {
      const reason = 'EACCES: its affinity is fixed (managed by its driver, or per CPU)';
      expect(await commandLine(host, 'irq-affinity', 'mask', 'C3')).toEqual({
        status: 0,
        stdout: '',
        stderr: `vfio-isolate: irq-affinity: 2 changed; 2 refused: 2 (${reason})\n`,
      });
      return commandLine(host, '-v', 'irq-affinity', 'mask', 'C2-3');
    });
    expect(said.status).toBe(0);
    expect(said.stderr).toMatch(/^ {2}\/proc\/irq\/9\/smp_affinity_list: EACCES: its affinity is fixed/m);
    expect(said.stderr).toMatch(/^ {2}\/proc\/irq\/24\/smp_affinity_list: EACCES: its affinity is fixed/m);
  });

  test('where none could move that had to, it fails and the default comes back', async () => {
    const host = hostTree({ ...boot, ...cpus('0-3'), ...interrupts({ 4: '0-3', 9: '0-1', 24: '3' }, 'f') });
    const report = await withReadOnly(host, fixed(4, 24), () => run([irqAffinity('mask', 'C3')], { host }));
    expect(report.error).toMatchObject({
      code: 'ERR_NOT_HELD',
      message: 'none of the 2 interrupts that had to move did',
    });
    expect(report.rollbackErrors).toEqual([]);
    expect(defaultOf(host)).toBe('f');
  });

  test('that nothing can be added to counts as such, though the default has it already', async () => {
    const host = hostTree({ ...boot, ...cpus('0-3'), ...interrupts({ 4: '0', 9: '1' }, 'f') });
    const report = await withReadOnly(host, fixed(4, 9), () => run([irqAffinity('add', 'C3')], { host }));
    expect(report.error?.message).toBe('none of the 2 interrupts that had to move did');
  });

  test.each([
    ['before it is written', true],
    ['after it was written', false],
  ])('an interrupt that is released %s is counted, and stops nothing', async (_when, atOnce) => {
    const host = hostTree({ ...boot, ...cpus('0-3'), ...interrupts({ 4: '0-3', 9: '0-3' }, 'f') });
    const path = `${host.proc}/irq/9/smp_affinity_list`;
    let reads = 0;
    const released: Host = {
      ...host,
      read(file) {
        if (file !== path) return host.read(file);
        if (++reads > 1) throw new SystemError({ errno: -2, syscall: 'open', path: file });
        const text = host.read(file);
        if (atOnce) rmSync(path);
        return text;
      },
    };
    const report = await run([irqAffinity('mask', 'C3')], { host: released });
    expect(report.error).toBeUndefined();
    expect(report.commands[0]?.refused).toEqual([
      { what: path, reason: 'ENOENT: it was released meanwhile', code: 'ENOENT' },
    ]);
  });

  test('a repeated run does not fail where only what never moves is left', async () => {
    const host = hostTree({ ...boot, ...cpus('0-3'), ...interrupts({ 4: '0-3', 9: '0-3' }, 'f') });
    const [first, second] = await withReadOnly(host, fixed(9), async () => [
      await run([irqAffinity('mask', 'C3')], { host }),
      await run([irqAffinity('mask', 'C3')], { host }),
    ]);
    expect(first?.ok).toBe(true);
    expect(second?.error).toBeUndefined();
    expect(second?.commands[0]).toMatchObject({ status: 'done', changes: [], refused: [{ code: 'EACCES' }] });
  });

  test('a repeated run fails where something is left that is not fixed', async () => {
    const host = hostTree({ ...boot, ...cpus('0-3'), ...interrupts({ 9: '0-3', 10: '0-3' }, '7') });
    const vanished = { ...host, read: (path: string) => (path.includes('/irq/10/') ? '0-3' : host.read(path)) };
    rmSync(`${host.proc}/irq/10/smp_affinity_list`);
    const report = await withReadOnly(host, fixed(9), () => run([irqAffinity('mask', 'C3')], { host: vanished }));
    expect(report.error?.message).toBe('none of the 2 interrupts that had to move did');
  });

  test('interrupts that still go to the masked CPUs are told of, in one note', async () => {
    const effective = (lists: Record<string, string>) =>
      Object.fromEntries(Object.entries(lists).map(([irq, list]) => [`proc/irq/${irq}/effective_affinity_list`, list]));
    const host = hostTree({
      ...boot,
      ...cpus('0-3'),
      ...interrupts({ 4: '0-3', 9: '0-3', 10: '0-1', 11: '0', 12: '0-3' }, 'f'),
      ...effective({ 4: '3', 9: '1', 10: '2', 11: '', 12: '3' }),
    });
    const notes = await withReadOnly(host, fixed(12), async () => {
      const plan = await run([irqAffinity('mask', 'C2-3')], { host, dryRun: true });
      expect(plan.commands[0]?.notes).toEqual([]);
      return (await run([irqAffinity('mask', 'C2-3')], { host })).commands[0]?.notes;
    });
    // Of 12, which refused, the refusal tells.
    expect(notes).toEqual(['interrupts 4, 10 still go to CPUs 2-3, and may until firing the next time']);
  });
});

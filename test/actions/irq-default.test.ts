/** Interrupts that are requested between a run and its restore begin with the default of the run, and keep it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import { type RunOptions, run } from '../../lib/index.js';
import { cpus, hostTree } from '../support/tree.js';
import { withReadOnly } from '../support/unprivileged.js';

type Files = Record<string, string>;

const irqs = (lists: Readonly<Record<number, string>>): Files =>
  Object.fromEntries(Object.entries(lists).map(([irq, list]) => [`proc/irq/${irq}/smp_affinity_list`, list]));

function hostOf(lists: Readonly<Record<number, string>>, more: Files = {}): Host {
  const boot = { 'proc/sys/kernel/random/boot_id': '11111111-1111-1111-1111-111111111111' };
  const host = hostTree({ ...boot, ...cpus('0-7'), 'proc/irq/default_smp_affinity': 'ff', ...irqs(lists), ...more });
  mkdirSync(host.run);
  return host;
}

function request(host: Host, irq: number, list: string, node?: string): void {
  mkdirSync(`${host.proc}/irq/${irq}`, { recursive: true });
  writeFileSync(`${host.proc}/irq/${irq}/smp_affinity_list`, `${list}\n`);
  if (node !== undefined) writeFileSync(`${host.proc}/irq/${irq}/node`, `${node}\n`);
}

const setDefault = (host: Host, mask: string) => writeFileSync(`${host.proc}/irq/default_smp_affinity`, `${mask}\n`);
const textOf = (host: Host, file: string) => host.read(`${host.proc}/irq/${file}`).trim();
const listOf = (host: Host, irq: number) => textOf(host, `${irq}/smp_affinity_list`);

async function mask(host: Host, cpuSet: string): Promise<void> {
  const command = { name: 'irq-affinity', parameters: { mode: 'mask', cpuSet } };
  expect((await run([command], { host, undo: `${host.run}/undo` })).error).toBeUndefined();
}

const restore = (host: Host, options: RunOptions = {}) =>
  run([{ name: 'restore', parameters: { undoFile: `${host.run}/undo` } }], { host, ...options });

describe('interrupts requested under a narrowed default', () => {
  test('get the first one; those that had that affinity before, or have another, do not', async () => {
    const host = hostOf({ 1: '0-7', 2: '0-1' });
    await mask(host, 'C2-7');
    request(host, 3, '0-1');
    request(host, 4, '1');
    const plan = await restore(host, { dryRun: true });
    expect(plan.commands[0]?.changes.map(({ text }) => text.replace(host.proc, ''))).toEqual([
      '/irq/default_smp_affinity: 03 -> ff',
      '/irq/3/smp_affinity_list: 0-1 -> 0-7',
      '/irq/1/smp_affinity_list: 0-1 -> 0-7',
    ]);
    expect((await restore(host)).error).toBeUndefined();
    expect([1, 2, 3, 4].map((irq) => listOf(host, irq))).toEqual(['0-7', '0-1', '0-7', '1']);
  });

  test('get the online part of it, and of that what is on their own node', async () => {
    const nodes = 'sys/devices/system/node';
    const host = hostOf(
      { 1: '0-7' },
      {
        ...cpus('0-7', '0-15'),
        'proc/irq/default_smp_affinity': 'ffff',
        [`${nodes}/online`]: '0-1',
        [`${nodes}/node0/cpulist`]: '0-3',
        [`${nodes}/node1/cpulist`]: '4-7',
      },
    );
    await mask(host, 'C2-5');
    request(host, 3, '0-1,6-7', '-1');
    request(host, 4, '0-1', '0');
    request(host, 5, '6-7', '1');
    // Has been given that by somebody.
    request(host, 6, '6-7', '0');
    expect((await restore(host)).error).toBeUndefined();
    expect([3, 4, 5, 6].map((irq) => listOf(host, irq))).toEqual(['0-7', '0-3', '4-7', '6-7']);
  });

  test('that were narrowed by a second run of the same record', async () => {
    const host = hostOf({ 1: '0-7' });
    await mask(host, 'C6-7');
    request(host, 3, '0-5');
    await mask(host, 'C4-5');
    request(host, 4, '0-3');
    expect((await restore(host)).error).toBeUndefined();
    expect([1, 3, 4].map((irq) => listOf(host, irq))).toEqual(['0-7', '0-7', '0-7']);
  });

  test('that refuse are counted and named, and nothing is left on record', async () => {
    const host = hostOf({ 1: '0-7' });
    await mask(host, 'C2-7');
    request(host, 3, '0-1');
    const [report, again] = await withReadOnly(host, ['proc/irq/3/smp_affinity_list'], async () => [
      await restore(host),
      await restore(host),
    ]);
    expect(report?.error).toBeUndefined();
    expect(report?.commands[0]?.refused).toMatchObject([
      { what: `${host.proc}/irq/3/smp_affinity_list`, code: 'EACCES' },
    ]);
    expect(again?.commands[0]?.notes).toEqual([expect.stringContaining('nothing to restore')]);
  });

  test('are told apart from those that the run did not touch, whatever these have since', async () => {
    const host = hostOf({ 1: '0-7', 5: '1', 7: '0' });
    await mask(host, 'C2-7');
    // Its owner's choice, and the same as the default; and one that is all of the default that is online.
    request(host, 5, '0-1');
    writeFileSync(`${host.sys}/devices/system/cpu/online`, '0,2-7\n');
    const before = [5, 7].map((irq) => listOf(host, irq));
    expect((await restore(host)).error).toBeUndefined();
    expect([5, 7].map((irq) => listOf(host, irq))).toEqual(before);
  });

  test('that take another value than was written are told of, and nothing is left on record', async () => {
    const host = hostOf({ 1: '0-7' });
    await mask(host, 'C2-7');
    for (const irq of [3, 4]) request(host, irq, '0-1');
    const read = (path: string) => (path.endsWith('/3/smp_affinity_list') ? '0-1\n' : host.read(path));
    const report = await restore({ ...host, read });
    expect(report.error).toBeUndefined();
    expect(report.commands[0]?.notes.join()).toMatch(/irq\/3\/smp_affinity_list took 0-7 but holds 0-1/);
    expect(listOf(host, 4)).toBe('0-7');
    expect((await restore(host)).commands[0]?.notes).toEqual([expect.stringContaining('nothing to restore')]);
  });

  test('get it also where a killed restore has given the default back already', async () => {
    const host = hostOf({ 1: '0-7' });
    await mask(host, 'C2-7');
    request(host, 3, '0-1');
    setDefault(host, 'ff');
    expect((await restore(host)).error).toBeUndefined();
    expect(listOf(host, 3)).toBe('0-7');
  });

  test('are left with a default that somebody else has set since', async () => {
    const host = hostOf({ 1: '0-7' });
    await mask(host, 'C2-7');
    request(host, 3, '0-1');
    setDefault(host, '1');
    expect((await restore(host)).error?.message).toContain('set by somebody else');
    expect(listOf(host, 3)).toBe('0-1');
    expect((await restore(host, { force: true })).error).toBeUndefined();
    expect([textOf(host, 'default_smp_affinity'), listOf(host, 3)]).toEqual(['ff', '0-7']);
  });
});

/** Records of two runs that each narrowed the interrupts, of which nobody can tell who has set them since. */
import { mkdirSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { cpus, hostTree } from '../support/tree.js';

const FILES = ['1/smp_affinity_list', '2/smp_affinity_list', 'default_smp_affinity'];

describe('interrupts that two runs have narrowed', () => {
  let host: Host;
  beforeEach(async () => {
    host = hostTree({
      ...cpus('0-7'),
      'proc/sys/kernel/random/boot_id': '11111111-1111-1111-1111-111111111111',
      'proc/irq/1/smp_affinity_list': '0-7',
      'proc/irq/2/smp_affinity_list': '0-7',
      'proc/irq/default_smp_affinity': 'ff',
    });
    mkdirSync(host.run);
    await mask('a', 'C6-7');
    await mask('b', 'C4-5');
  });

  async function mask(record: string, cpuSet: string): Promise<void> {
    const command = { name: 'irq-affinity', parameters: { mode: 'mask', cpuSet } };
    expect((await run([command], { host, undo: `${host.run}/${record}` })).error).toBeUndefined();
  }

  const restore = (record: string) =>
    run([{ name: 'restore', parameters: { undoFile: `${host.run}/${record}` } }], { host });

  const texts = () => FILES.map((file) => host.read(`${host.proc}/irq/${file}`).trim());

  test('the later one first', async () => {
    expect((await restore('b')).error).toBeUndefined();
    expect((await restore('a')).error).toBeUndefined();
    expect(texts()).toEqual(['0-7', '0-7', 'ff']);
  });

  test('the earlier one first: restored again after the later, it brings them all the way', async () => {
    expect((await restore('a')).error?.message).toContain('default_smp_affinity is 0f, set by somebody else');
    expect((await restore('b')).error).toBeUndefined();
    expect(texts()).toEqual(['0-5', '0-5', '3f']);
    expect((await restore('a')).error).toBeUndefined();
    expect(texts()).toEqual(['0-7', '0-7', 'ff']);
    expect((await restore('a')).commands[0]?.notes).toEqual([expect.stringContaining('nothing to restore')]);
  });
});

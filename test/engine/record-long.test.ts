/** Records of very many steps: their undo takes a time that grows with them, no faster, and ends. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { BOOT, oneInterrupt } from '../support/one-interrupt.js';
import { encode, header, step } from '../support/record.js';

let host: Host;
let undo: string;
let file: string;
let mask: string;
beforeEach(() => {
  ({ host, undo, file, mask } = oneInterrupt({
    'proc/self/mountinfo': '25 20 0:22 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
  }));
});

function record(count: number, change: (index: number) => object): void {
  const steps = Array.from({ length: count }, (_, index) => encode(step(index + 1, change(index))));
  writeFileSync(file, [encode(header({ boot: BOOT })), ...steps].join(''), { mode: 0o600 });
}
const restore = () => run([{ name: 'restore', parameters: { undoFile: undo } }], { host });

test('of one thing that was changed 150,000 times', async () => {
  record(150_000, () => ({ kind: 'file', target: mask, from: '0-7', to: '4-7' }));
  expect((await restore()).error).toBeUndefined();
  expect(readFileSync(mask, 'utf8').trim()).toBe('0-7');
  expect((await restore()).commands[0]?.notes.join()).toContain('nothing to restore');
});

test('of 130,000 things of which none can be brought back', async () => {
  const of = (index: number) => `${host.sys}/fs/cgroup/cpuset/none/${index}/cpuset.cpus`;
  record(130_000, (index) => ({ kind: 'file', target: of(index), from: '0-7', to: '4-7' }));
  const { error } = await restore();
  expect(error?.message).toMatch(/130000 things of .* were not restored/);
}, 60_000);

test('of 40,000 things, each of which there is something to say of', async () => {
  const of = (index: number) => `${host.proc}/irq/${index + 100}/smp_affinity_list`;
  record(40_000, (index) => ({ kind: 'file', target: of(index), from: '0-7', to: '4-7' }));
  const { error, commands } = await restore();
  expect(error).toBeUndefined();
  expect(commands[0]?.notes).toHaveLength(40_000);
}, 20_000);

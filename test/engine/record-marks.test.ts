/** Marks of a record: of each thing that was restored, and of very many tasks. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { UndoRecord } from '../../lib/engine/record/record.js';
import { Marker } from '../../lib/engine/undo/marker.js';
import { run } from '../../lib/index.js';
import { BOOT, oneInterrupt } from '../support/one-interrupt.js';
import { header, step, writeRecord } from '../support/record.js';

test.skipIf(process.geteuid?.() !== 0)('files that were restored are marked, one by one (as root)', async () => {
  const { cpus, hostTree } = await import('../support/tree.js');
  const host = hostTree({
    ...cpus('0-3'),
    'proc/irq/5/smp_affinity_list': '0-3',
    'proc/irq/6/smp_affinity_list': '0-3',
    'proc/sys/kernel/random/boot_id': 'a boot',
    'sys/none': '',
  });
  const [fixed = '', other = ''] = [5, 6].map((irq) => `${host.proc}/irq/${irq}/smp_affinity_list`);
  const undo = `${host.run}/undo`;
  mkdirSync(host.run);
  const narrow = () => run([{ name: 'irq-affinity', parameters: { mode: 'mask', cpuSet: 'C3' } }], { host, undo });
  const restore = () => run([{ name: 'restore', parameters: { undoFile: undo } }], { host });
  const lists = () => [fixed, other].map((path) => host.read(path).trim());
  expect((await narrow()).ok).toBe(true);
  execFileSync('chattr', ['+i', fixed]);
  try {
    expect((await restore()).error?.code).toBe('ERR_INCOMPLETE');
  } finally {
    execFileSync('chattr', ['-i', fixed]);
  }
  expect(lists()).toEqual(['0-2', '0-3']);
  writeFileSync(other, '1-3\n');
  expect((await narrow()).ok).toBe(true);
  expect(lists()).toEqual(['0-2', '1-2']);
  expect((await restore()).error).toBeUndefined();
  expect(lists()).toEqual(['0-3', '1-3']);
});

test('a hundred thousand marks are written and read back in a time that grows with them', async () => {
  const { host, undo } = oneInterrupt({
    'proc/self/mountinfo': '25 20 0:22 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
    'proc/uptime': '80.00 600.00',
  });
  const [from, to] = ['/home', '/guest'].map((path) => `${host.sys}/fs/cgroup/cpuset${path}`);
  const tasks = Array.from({ length: 100_000 }, (_, index) => [index + 1, 100 + index] as const);
  writeRecord(
    undo,
    header({ boot: BOOT }),
    step(1, { kind: 'tasks', target: to, from, to }),
    { type: 'detail', step: 1, began: 1, residents: [] },
    { type: 'detail', step: 1, from: '/home', processes: tasks, threads: [] },
  );
  const record = UndoRecord.open(host, { path: undo, name: undo });
  if (record === undefined) throw new Error('the record is gone');
  const began = performance.now();
  const marker = new Marker(record, record.live().marks, host);
  for (let first = 0; first < tasks.length; first += 256)
    await marker.tasks('tasks', [1], tasks.slice(first, first + 256));
  const [part] = record.live().entries.flatMap(({ parts }) => parts);
  expect(tasks.every((task) => part?.marking?.(task)?.last === 1)).toBe(true);
  record.close();
  // A hundred times what it takes; looked up one by one in lists, they would take minutes.
  expect(performance.now() - began).toBeLessThan(60_000);
}, 90_000);

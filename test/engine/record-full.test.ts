/** A record that has grown as long as one may: nothing more is recorded in it, but it can still be closed. */
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { UndoRecord } from '../../lib/engine/record/record.js';
import type { Host } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { encode, header, step, writeRecord } from '../support/record.js';
import { hostTree } from '../support/tree.js';

const MIB = 1024 * 1024;
const BOOT = 'this boot';

let host: Host;
let undo: string;
let mask: string;
beforeEach(() => {
  host = hostTree({ 'proc/sys/kernel/random/boot_id': BOOT, 'proc/irq/9/smp_affinity_list': '4-7' });
  undo = `${dirname(host.sys)}/undo`;
  mask = `${host.proc}/irq/9/smp_affinity_list`;
});

/** A record of so many bytes, of one step that holds. */
function recordOf(bytes: number): void {
  const change = { kind: 'file', target: mask, from: '0-7', to: '4-7' };
  const line = (command: string) => ({ ...step(1, change), command });
  writeRecord(undo, header({ boot: BOOT }));
  const rest = bytes - statSync(undo).size - encode(line('')).length;
  appendFileSync(undo, encode(line('x'.repeat(rest))));
  expect(statSync(undo).size).toBe(bytes);
}

const restoring = () => run([{ name: 'restore', parameters: { undoFile: undo } }], { host });
const maskOf = () => readFileSync(mask, 'utf8').trim();

test('it is restored once, and then marked so', async () => {
  recordOf(33 * MIB);
  expect(await restoring()).toMatchObject({ ok: true, commands: [{ notes: [], changes: [{ target: mask }] }] });
  expect(maskOf()).toBe('0-7');
  writeFileSync(mask, '4-7\n');
  const [again] = (await restoring()).commands;
  expect(again).toMatchObject({ changes: [], notes: [`nothing to restore: all of ${undo} has been undone already`] });
  expect(maskOf()).toBe('4-7');
});

test('a run whose last batch has filled it can end; no step follows', async () => {
  recordOf(33 * MIB);
  const record = await UndoRecord.forRun(host, undo);
  try {
    await record.markCommitted();
    const change = { kind: 'file', target: mask, from: '0-7', to: '4-7' };
    await expect(record.writeSteps('test', [change])).rejects.toMatchObject({
      code: 'ERR_RECORD',
      message: `undo record ${undo} is full: it has ${statSync(undo).size} bytes`,
    });
    const detail = record.ledger(1).append({});
    await expect(detail).rejects.toMatchObject({ code: 'ERR_RECORD' });
  } finally {
    record.close();
  }
  expect(readFileSync(undo, 'latin1').slice(-200)).toMatch(/"type":"committed"[^\n]*\n$/);
});

test('not even its end is written where it could not be read again afterwards', async () => {
  recordOf(64 * MIB - 200);
  const record = await UndoRecord.forRun(host, undo);
  try {
    await record.markCommitted();
    await record.markCommitted();
    await expect(record.markCommitted()).rejects.toMatchObject({ code: 'ERR_RECORD' });
    await expect(record.markUndone([1])).rejects.toMatchObject({ code: 'ERR_RECORD' });
  } finally {
    record.close();
  }
  UndoRecord.toRestore(host, undo).close();
});

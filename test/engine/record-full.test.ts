/** A record that has grown as long as one may: nothing more is recorded in it, but it can still be closed. */
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { recordForRun, recordToRestore } from '../../lib/engine/record/records.js';
import { type Host, openHost } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { bootId } from '../../lib/kernel/boot.js';
import { BOOT, oneInterrupt } from '../support/one-interrupt.js';
import { encode, header, recordFile, step, writeRecord } from '../support/record.js';
import { notInPlace, openScratch } from '../support/scratch.js';

const MIB = 1024 * 1024;
/** So much may be recorded; the rest, up to 64 MiB, is for what becomes of it. */
const FULL = 56 * MIB;

let host: Host;
let undo: string;
let file: string;
let mask: string;
beforeEach(() => {
  ({ host, undo, file, mask } = oneInterrupt());
});

/** A record of so many bytes, of one step that holds. */
function recordOf(bytes: number, change: object = { kind: 'file', target: mask, from: '0-7', to: '4-7' }, boot = BOOT) {
  const line = (command: string) => ({ ...step(1, change), command });
  writeRecord(file, header({ boot }));
  const rest = bytes - statSync(file).size - encode(line('')).length;
  appendFileSync(file, encode(line('x'.repeat(rest))));
  expect(statSync(file).size).toBe(bytes);
}

const restoring = () => run([{ name: 'restore', parameters: { undoFile: undo } }], { host });
const maskOf = () => readFileSync(mask, 'utf8').trim();

test('it is restored once, and then marked so', async () => {
  recordOf(FULL);
  expect(await restoring()).toMatchObject({ ok: true, commands: [{ notes: [], changes: [{ target: mask }] }] });
  expect(maskOf()).toBe('0-7');
  writeFileSync(mask, '4-7\n');
  const [again] = (await restoring()).commands;
  expect(again).toMatchObject({ changes: [], notes: [`nothing to restore: all of ${undo} has been undone already`] });
  expect(maskOf()).toBe('4-7');
});

test('its marks leave room for the last of them, which is one for all', async () => {
  const [irq, rest] = [(index: number) => `${host.proc}/irq/${index + 100}/smp_affinity_list`, 100];
  const changes = Array.from({ length: rest }, (_, index) =>
    encode(step(index + 1, { kind: 'file', target: irq(index), from: '0-7', to: '4-7' })),
  );
  const text = encode(header({ boot: BOOT })) + changes.join('');
  const filling = { ...step(rest + 1, { kind: 'file', target: mask, from: '0-7', to: '4-7' }) };
  const more = FULL - 1000 - text.length - encode({ ...filling, command: '' }).length;
  writeFileSync(file, text + encode({ ...filling, command: 'x'.repeat(more) }), { mode: 0o600 });
  const { ok, commands } = await restoring();
  expect(ok).toBe(true);
  expect(commands[0]?.notes.filter((note) => !note.endsWith(' is gone'))).toEqual([]);
  // A line for each of them would take some 8,000 bytes.
  expect(statSync(file).size).toBeLessThan(FULL + 1000);
  expect((await restoring()).commands[0]?.notes.join()).toContain('nothing to restore');
});

test('a run whose last batch has filled it can end; no step follows', async () => {
  recordOf(FULL);
  const record = await recordForRun(host, undo);
  try {
    await record.markCommitted();
    const change = { kind: 'file', target: mask, from: '0-7', to: '4-7' };
    await expect(record.writeSteps('test', [change])).rejects.toMatchObject({
      code: 'ERR_RECORD',
      message: `undo record ${undo} is full: it would become longer than 56 MiB`,
    });
    const detail = record.ledger(1).append({});
    await expect(detail).rejects.toMatchObject({ code: 'ERR_RECORD' });
  } finally {
    record.close();
  }
  expect(readFileSync(file, 'latin1').slice(-200)).toMatch(/"type":"committed"[^\n]*\n$/);
});

test('not even its end is written where it could not be read again afterwards', async () => {
  recordOf(64 * MIB - 200);
  const record = await recordForRun(host, undo);
  try {
    await record.markCommitted();
    await record.markCommitted();
    await expect(record.markCommitted()).rejects.toMatchObject({ code: 'ERR_RECORD' });
    await expect(record.markUndone([1], [], true)).rejects.toMatchObject({ code: 'ERR_RECORD' });
  } finally {
    record.close();
  }
  recordToRestore(host, undo)?.close();
});

test('a batch that would take it beyond what is read is refused before anything is changed', async () => {
  recordOf(FULL - 100);
  const before = statSync(file).size;
  const commands = [{ name: 'irq-affinity', parameters: { mode: 'mask', cpuSet: 'C4-5' } }];
  const { error, commands: reports } = await run(commands, { host, undo });
  expect(reports).toMatchObject([{ status: 'failed', changes: [] }]);
  expect(error).toMatchObject({ code: 'ERR_RECORD', message: expect.stringContaining('is full') });
  expect(maskOf()).toBe('4-7');
  expect(statSync(file).size).toBe(before);
});

test('however large the batch, what is written can be read again', async () => {
  recordOf(20 * MIB);
  const record = await recordForRun(host, undo);
  const change = { kind: 'file', target: mask, from: '0-7', to: '4-7' };
  try {
    const steps = Array.from({ length: 330_000 }, () => change);
    await expect(record.writeSteps('x'.repeat(40), steps)).rejects.toMatchObject({ code: 'ERR_RECORD' });
    await record.markUndone([1]);
  } finally {
    record.close();
  }
  expect(statSync(file).size).toBeLessThan(21 * MIB);
  recordToRestore(host, undo)?.close();
});

test.skipIf(notInPlace)(
  `nor are tasks moved whose origin it cannot take (${notInPlace ?? 'v1, in place'})`,
  async () => {
    const scratch = openScratch();
    const [home, guest] = [scratch.make('home'), scratch.make('guest')];
    const target = `${scratch.directory}/none`;
    host = openHost({ run: `${scratch.folder}/run` });
    undo = `${scratch.folder}/undo`;
    file = recordFile(undo, host);
    // Room for the step and what the destination holds, and not for a hundred tasks.
    recordOf(FULL - 1000, { kind: 'cgroup', target, from: null, to: {} }, bootId(openHost()));
    await scratch.sleepers('home', 100);
    const tids = scratch.tids('home');
    const { error } = await run([{ name: 'move-tasks', parameters: { cpusetFrom: home, cpusetTo: guest } }], {
      host,
      undo,
    });
    expect(error).toMatchObject({ code: 'ERR_RECORD', message: expect.stringContaining('is full') });
    expect(scratch.tids('home')).toEqual(tids);
    expect(readFileSync(file, 'latin1').slice(-200)).toMatch(/"type":"undone","steps":\[2\][^\n]*\n$/);
    recordToRestore(host, undo)?.close();
  },
);

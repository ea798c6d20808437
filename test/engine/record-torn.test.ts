/** A line that was refused half way and could not be cut off again: nothing comes to stand behind it. */
import { appendFileSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { recordForRun, recordToRestore } from '../../lib/engine/record/records.js';
import type { Host } from '../../lib/host.js';
import { encode, header, recordFile, step, writeRecord } from '../support/record.js';
import { hostTree } from '../support/tree.js';

const BOOT = 'this boot';

let host: Host;
let undo: string;
let file: string;
beforeEach(() => {
  host = hostTree({ 'proc/sys/kernel/random/boot_id': BOOT, 'proc/self/mountinfo': MOUNTS });
  undo = `${dirname(host.sys)}/undo`;
  file = recordFile(undo, host);
});

const MOUNTS = '25 20 0:22 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset';
const move = () => {
  const [from, to] = ['a', 'b'].map((name) => `${host.sys}/fs/cgroup/cpuset/${name}`);
  return { kind: 'tasks', target: to, from, to };
};
const batch = (pid: number) => ({ type: 'detail', step: 1, from: '/a', processes: [[pid, 1]], threads: [] });
const typesOf = () => {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line).type);
};

/** As native code leaves it whose write was refused, and then the cutting back as well. */
const leaving = (text: string) => async (record: { fd: number; offset: number }) => {
  writeSync(record.fd, text, record.offset);
  throw new Error('refused');
};

test.each([
  ['a part of a line', encode(batch(7)).slice(0, 30)],
  ['a line that lacks its beginning', `\0\0\0\0${encode(batch(7)).slice(4)}`],
  ['all but the newline', encode(batch(7)).slice(0, -1)],
])('%s, behind a batch that is whole', async (_what, torn) => {
  writeRecord(file, header({ boot: BOOT }), step(1, move()));
  const record = await recordForRun(host, undo);
  await expect(record.ledger(1).lend(leaving(encode(batch(6)) + torn))).rejects.toThrow('refused');
  const whole = [{ from: '/a', processes: [[6, 1]] }];
  expect(record.entries()).toMatchObject([{ parts: [{ details: whole }] }]);
  await record.markUndone([1]);
  record.close();
  expect(typesOf()).toEqual(['header', 'step', 'detail', 'undone']);
  const again = recordToRestore(host, undo);
  expect(again).toMatchObject({ condition: 'spent', torn: false });
  again?.close();
});

test('what an earlier run has left is cut off before a later one appends', async () => {
  writeRecord(file, header({ boot: BOOT }), step(1, move()));
  appendFileSync(file, encode(batch(7)).slice(0, 30));
  const record = await recordForRun(host, undo);
  expect(record.torn).toBe(true);
  await record.markCommitted();
  record.close();
  expect(typesOf()).toEqual(['header', 'step', 'committed']);
});

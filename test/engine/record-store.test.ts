/** The folder of the records: what is there is checked, and what has no business there is in nobody's way. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { acquireLock } from '../../lib/engine/lock.js';
import { type Command, type Host, run } from '../../lib/index.js';
import { oneInterrupt } from '../support/one-interrupt.js';

const notRoot = process.geteuid?.() === 0 ? undefined : 'not root';

let host: Host;
let undo: string;
let file: string;
let mask: string;
let store: string;
beforeEach(() => {
  ({ host, undo, file, mask } = oneInterrupt());
  store = `${host.run}/vfio-isolate`;
});

const keepOff: Command = { name: 'irq-affinity', parameters: { mode: 'mask', cpuSet: 'C4-5' } };
const isolate = () => run([keepOff], { host, undo });
const restore = (name = undo) => run([{ name: 'restore', parameters: { undoFile: name } }], { host });
const maskOf = () => host.read(mask).trim();

describe.skipIf(notRoot)(`is refused (${notRoot ?? 'root'})`, () => {
  const spoilt: Record<string, [spoil: () => void, message: RegExp]> = {
    "another user's": [() => chownSync(store, 65534, 0), /belongs to another user \(uid 65534\)/],
    "a group's": [() => chmodSync(store, 0o770), /is open to others \(mode 0770\)/],
    'one that others may look into': [() => chmodSync(store, 0o705), /is open to others \(mode 0705\)/],
    'a link': [
      () => {
        renameSync(store, `${host.run}/real`);
        symlinkSync('real', store);
      },
      /is a link/,
    ],
    'a file': [
      () => {
        rmSync(store, { recursive: true });
        writeFileSync(store, '');
      },
      /is no directory/,
    ],
  };

  test.each(Object.entries(spoilt))('%s', async (_what, [spoil, message]) => {
    await isolate();
    spoil();
    const error = { code: 'ERR_STATE', message: expect.stringMatching(message), remedy: expect.any(String) };
    await expect(isolate()).rejects.toMatchObject(error);
    await expect(run([keepOff], { host })).rejects.toMatchObject(error);
    await expect(run([keepOff], { host, undo, dryRun: true })).rejects.toMatchObject(error);
    await expect(restore()).rejects.toMatchObject(error);
    await expect(acquireLock(host, 0)).rejects.toMatchObject(error);
    expect(maskOf()).toBe('6-7');
  });
});

test('whatever else lies there is in nobody’s way', async () => {
  mkdirSync(`${store}/run-7`);
  mkdirSync(`${store}/a directory`);
  execFileSync('mkfifo', [`${store}/name-${'0'.repeat(64)}`]);
  writeFileSync(`${store}/name-${'1'.repeat(64)}`, 'of another kind\n');
  symlinkSync('/etc/passwd', `${store}/name-${'2'.repeat(64)}`);
  writeFileSync(`${store}/unfinished`, 'left by a run that was killed');
  expect(await isolate()).toMatchObject({ ok: true, record: undo });
  expect(await restore()).toMatchObject({ ok: true, commands: [{ changes: [{ target: mask }] }] });
  expect(maskOf()).toBe('4-7');
  expect(readdirSync(store)).toContain('run-7');
});

test('a record that is removed under way is noticed, and the run is rolled back', async () => {
  for (const options of [{ undo }, {}]) {
    const onChange = () => {
      for (const name of readdirSync(store)) if (name !== 'lock') rmSync(`${store}/${name}`);
    };
    const report = await run([keepOff], { host, ...options, onChange });
    expect(report.error).toMatchObject({
      code: 'ERR_RECORD',
      message: expect.stringMatching(/was removed while the run wrote to it/),
    });
    expect(report.rollbackErrors).toEqual([]);
    expect(maskOf()).toBe('4-7');
  }
});

test('so is one that has been put in its place', async () => {
  const onChange = () => {
    rmSync(file);
    writeFileSync(file, 'another');
  };
  expect((await run([keepOff], { host, undo, onChange })).error?.message).toMatch(/was removed while the run wrote/);
  expect(maskOf()).toBe('4-7');
});

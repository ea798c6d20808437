/** Records of runs that give none a name, and what is told of those that there are. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Command, type Host, type RunOptions, records, restore, run } from '../../lib/index.js';
import { commandLine, onTerminal } from '../support/injected.js';
import { oneInterrupt } from '../support/one-interrupt.js';
import { header, writeRecord } from '../support/record.js';

let host: Host;
let undo: string;
let file: string;
let mask: string;
let store: string;
beforeEach(() => {
  ({ host, undo, file, mask } = oneInterrupt({ 'proc/sys/vm/compact_memory': '0' }));
  store = `${host.run}/vfio-isolate`;
});

const keepOff = (cpuSet: string): Command => ({ name: 'irq-affinity', parameters: { mode: 'mask', cpuSet } });
const compact: Command = { name: 'compact-memory', parameters: {} };
const isolate = async (cpuSet: string, options: RunOptions = {}) => {
  const report = await run([keepOff(cpuSet)], { host, ...options });
  expect(report.error).toBeUndefined();
  return report.record;
};
const maskOf = () => readFileSync(mask, 'utf8').trim();
const stored = () => readdirSync(store).filter((name) => name !== 'lock');

describe('a run without a name for its record', () => {
  test('gets one of its own, which is numbered', async () => {
    expect(await isolate('C4')).toBe(`${store}/run-1`);
    expect(await isolate('C5')).toBe(`${store}/run-2`);
    expect(stored()).toEqual(['run-1', 'run-2']);
  });

  test.each([
    ['it changes nothing that can be undone', [compact]],
    ['there is nothing to change', [keepOff('C0')]],
    ['it is rolled back', [keepOff('C4'), { name: 'x3d-mode', parameters: { mode: 'cache' } }]],
    ['it only restores', [{ name: 'restore', parameters: {} }]],
  ])('leaves none if %s', async (_why, commands) => {
    expect(await run(commands, { host })).not.toHaveProperty('record');
    expect(stored()).toEqual([]);
    expect(maskOf()).toBe('4-7');
  });

  test('leaves none if it wants none, and is rolled back all the same', async () => {
    const failing: Command = { name: 'x3d-mode', parameters: { mode: 'cache' } };
    expect((await run([keepOff('C4'), failing], { host, undo: false })).ok).toBe(false);
    expect(maskOf()).toBe('4-7');
    expect(await isolate('C4', { undo: false })).toBeUndefined();
    expect(maskOf()).toBe('5-7');
    expect(stored()).toEqual([]);
  });

  test('makes none to restore: that must not take a place in the store', async () => {
    await isolate('C4', { undo });
    const during: string[][] = [];
    await restore(undo, { host, onChange: () => during.push(stored()) });
    expect(during).toEqual([[basename(file)]]);
  });

  test('does not record what a restore beside it brings back', async () => {
    await isolate('C4', { undo });
    const report = await run([{ name: 'restore', parameters: { undoFile: undo } }, keepOff('C5')], { host });
    expect(report.ok).toBe(true);
    expect(maskOf()).toBe('4,6-7');
    await restore(undefined, { host });
    expect(maskOf()).toBe('4-7');
  });
});

describe('restore without a name', () => {
  test('restores run after run, the last one first, whether they have names or not', async () => {
    await isolate('C4');
    await isolate('C5', { undo });
    await isolate('C6');
    for (const [name, left] of [
      [`${store}/run-2`, '6-7'],
      [undo, '5-7'],
      [`${store}/run-1`, '4-7'],
    ]) {
      const { ok, commands } = await restore(undefined, { host });
      expect({ ok, notes: commands[0]?.notes }).toEqual({
        ok: true,
        notes: [`the last run that still held something is that of ${name}`],
      });
      expect(maskOf()).toBe(left);
    }
    expect(await restore(undefined, { host })).toMatchObject({
      ok: true,
      commands: [{ changes: [], notes: ['nothing to restore: no record holds anything'] }],
    });
  });

  test('counts a name that was continued as the last', async () => {
    await isolate('C4', { undo });
    await isolate('C5');
    await isolate('C6', { undo });
    await restore(undefined, { host });
    expect(maskOf()).toBe('4-7');
    expect((await records({ host })).map(({ state }) => state)).toEqual(['restored', 'holds']);
  });

  test('is not kept from it by what is damaged or foreign', async () => {
    await isolate('C4');
    writeFileSync(`${store}/run-9`, 'damaged\n', { mode: 0o600 });
    mkdirSync(`${store}/run-8`);
    expect((await restore(undefined, { host })).ok).toBe(true);
    expect(maskOf()).toBe('4-7');
  });
});

test('a numbered record is restored by its path, and that twice is a no-op', async () => {
  const name = (await isolate('C4')) ?? '';
  await isolate('C5');
  expect((await restore(name, { host })).ok).toBe(true);
  const notes = [`nothing to restore: all of ${name} has been undone already`];
  expect(await restore(name, { host })).toMatchObject({ ok: true, commands: [{ notes }] });
});

test('of the records that hold nothing the oldest go, and no number comes to mean another run', async () => {
  await isolate('C4', { undo });
  for (let count = 1; count <= 70; count++) {
    const name = await isolate('C5');
    expect(basename(name ?? '')).toBe(`run-${count}`);
    await restore(name, { host });
  }
  expect(stored().length).toBeLessThanOrEqual(65);
  expect((await restore(undo, { host })).commands[0]?.changes).toHaveLength(1);
  expect(maskOf()).toBe('4-7');
});

describe('records', () => {
  test('are listed with their names, command lines, and what they hold', async () => {
    await isolate('C4', { undo, commandLine: "vfio-isolate -u 'a name' irq-affinity mask C4" });
    await isolate('C5', { undo, commandLine: 'second' });
    await isolate('C6', { commandLine: 'third' });
    await restore(undefined, { host });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
    expect(await records({ host })).toEqual([
      {
        name: `${store}/run-1`,
        path: `${store}/run-1`,
        state: 'restored',
        since: time,
        runs: [{ time, command: 'third' }],
        holds: [],
      },
      {
        name: undo,
        path: file,
        state: 'holds',
        since: time,
        runs: [
          { time, command: "vfio-isolate -u 'a name' irq-affinity mask C4" },
          { time, command: 'second' },
        ],
        holds: [{ target: mask, text: `${mask}: 4-7 -> 6-7` }],
      },
    ]);
    expect(await records({ host, name: undo })).toMatchObject([{ name: undo, state: 'holds' }]);
    await expect(records({ host, name: `${undo}-2` })).rejects.toMatchObject({ code: 'ERR_RECORD' });
  });

  test('are none where there is no store, which is not made', async () => {
    rmSync(host.run, { recursive: true });
    expect(await records({ host })).toEqual([]);
    expect(await commandLine(host, 'records')).toEqual({ status: 0, stdout: 'none\n', stderr: '' });
    expect(() => readdirSync(host.run)).toThrow('ENOENT');
  });

  test('that are damaged or foreign are listed as such', async () => {
    await isolate('C4');
    writeFileSync(`${store}/run-9`, 'damaged\n', { mode: 0o600 });
    mkdirSync(`${store}/of somebody`);
    writeRecord(file, header({ boot: 'another' }));
    const all = await records({ host });
    expect(all).toContainEqual(expect.objectContaining({ state: 'holds', path: `${store}/run-1` }));
    expect(all).toContainEqual(expect.objectContaining({ state: 'earlier boot', path: file }));
    expect(all).toContainEqual(
      expect.objectContaining({ path: `${store}/run-9`, problem: expect.stringMatching(/, line 1: /) }),
    );
    expect(all).toContainEqual(
      expect.objectContaining({ path: `${store}/of somebody`, problem: `${store}/of somebody is no undo record` }),
    );
  });

  test('are shown to people', async () => {
    expect(await commandLine(host, '-u', undo, 'irq-affinity', 'mask', 'C4')).toMatchObject({ status: 0, stderr: '' });
    writeFileSync(`${store}/x`, '');
    const { status, stdout } = await commandLine(host, 'records');
    expect(status).toBe(0);
    const at = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ';
    expect(stdout).toMatch(
      new RegExp(
        `^${undo}: holds 1 change since ${at}\\n  ${at}  vfio-isolate -u ${undo} irq-affinity mask C4\\n` +
          `${store}/x: unreadable: ${store}/x is no undo record\\n$`,
      ),
    );
    const shown = await commandLine(host, 'records', 'show', undo);
    expect(shown.stdout.split('\n').slice(2)).toEqual(['  /proc/irq/9/smp_affinity_list: 4-7 -> 5-7', '']);
  });

  test('are printed as JSON, wherever the option stands', async () => {
    await isolate('C4', { undo });
    for (const words of [
      ['--json', 'records'],
      ['records', '--json'],
      ['records', 'show', undo, '--json'],
    ]) {
      const { status, stdout } = await commandLine(host, ...words);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, records: [{ name: undo, state: 'holds' }] });
    }
    const wrong = await commandLine(host, 'records', 'show', `${undo}-2`, '--json');
    expect({ ...wrong, stdout: JSON.parse(wrong.stdout) }).toMatchObject({
      status: 1,
      stdout: { ok: false, exitCode: 1, error: { code: 'ERR_RECORD' } },
      stderr: '',
    });
  });

  test.each([
    [['records', 'show'], /the name of a record is missing/],
    [['records', 'shown'], /records: /],
    [['records', 'drop-caches'], /records: /],
    [['drop-caches', 'records'], /records stands alone/],
    [['-u', 'x', 'records'], /records takes no option but --json and -d/],
    [['-u', 'x', '--no-undo', 'drop-caches'], /-u and --no-undo contradict each other/],
  ])('%j is wrong', async (words, message) => {
    expect(await commandLine(host, ...words)).toMatchObject({ status: 2, stderr: expect.stringMatching(message) });
  });
});

describe('on a terminal a run ends with what it did and how to undo it:', () => {
  const words = ['irq-affinity', 'mask', 'C4'];
  test.each([
    ['with a name', ['-u', '/tmp/a name', ...words], "done: 1 change; undo: vfio-isolate restore '/tmp/a name'"],
    ['numbered', words, 'done: 1 change; undo: vfio-isolate restore STORE/run-1'],
    ['no record', ['--no-undo', ...words], 'done: 1 change; nothing to undo is on record'],
    ['triggers', ['compact-memory'], 'done: 1 change; nothing to undo is on record'],
  ])('%s', async (_what, argv, line) => {
    const { stderr } = await onTerminal(true, host, ...argv);
    expect(stderr).toBe(`vfio-isolate: ${line.replace('STORE', store)}\n`);
  });

  test('a restore', async () => {
    await isolate('C4', { undo });
    expect((await onTerminal(true, host, 'restore', undo)).stderr).toBe('vfio-isolate: restored: 1 change\n');
  });

  test.each([[['-n', ...words]], [['--json', ...words]], [['irq-affinity', 'mask', 'C0']]])(
    'nothing: %j',
    async (argv) => {
      expect((await onTerminal(true, host, ...argv)).stderr).toBe('');
    },
  );

  test('nothing elsewhere', async () => {
    expect((await onTerminal(false, host, ...words)).stderr).toBe('');
  });
});

import { existsSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { openHost } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { newControl } from '../../lib/native.js';
import { type CgroupStep, cgroupKind } from '../../lib/steps/cgroup.js';
import type { Detail } from '../../lib/steps/step.js';
import { header, step, writeRecord } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';

describe.skipIf(notInPlace)(`a cgroup step, in place (${notInPlace ?? 'v1'})`, () => {
  const host = openHost();
  let scratch: Scratch;
  let details: Detail[];
  let make: CgroupStep;
  beforeEach(() => {
    scratch = openScratch();
    details = [];
    const to = { 'cpuset.mems': '0', 'cpuset.cpus': '0' };
    make = { kind: 'cgroup', target: `${scratch.directory}/a`, from: null, to };
  });

  const ledger = {
    append: async (detail: Detail) => void details.push(detail),
    lend: () => Promise.reject(new Error('no move here')),
  };
  const apply = (step: CgroupStep) => cgroupKind.apply(step, { host, control: newControl(), ledger });
  const undo = () =>
    cgroupKind.undo({ step: make, parts: [{ step: make, details }] }, host, {
      force: false,
      settle: true,
      leaving: new Set<string>(),
    });

  test('that comes too late leaves what somebody else has made since it was planned', async () => {
    scratch.make('a', { cpus: '1' });
    await expect(apply(make)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await undo()).toMatchObject({ steps: [] });
    expect(scratch.read('a/cpuset.cpus')).toBe('1');
  });

  test('that comes too late has what else the record changed there go back by itself', async () => {
    scratch.make('a', { cpus: '0-1' });
    await expect(apply(make)).rejects.toMatchObject({ code: 'EEXIST' });
    const undoFile = `${scratch.folder}/undo`;
    const lines = [step(1, make), { type: 'detail', step: 1, ...details[0] }];
    writeRecord(undoFile, header(), ...lines);
    const parameters = { cpusetName: `${scratch.name}/a`, cpus: 'C0' };
    expect((await run([{ name: 'cpuset-modify', parameters }], { undo: undoFile, wait: 60 })).error).toBeUndefined();
    expect(scratch.read('a/cpuset.cpus')).toBe('0');
    const restored = await run([{ name: 'restore', parameters: { undoFile } }], { wait: 60 });
    expect(restored.error).toBeUndefined();
    expect(scratch.read('a/cpuset.cpus')).toBe('0-1');
  });

  test('that failed half way is undone as far as it went', async () => {
    const bad = { ...make, to: { 'cpuset.mems': '0', 'cpuset.cpus': '0-4095' } };
    await expect(apply(bad)).rejects.toMatchObject({ value: '0-4095' });
    expect(existsSync(make.target)).toBe(true);
    expect((await undo()).steps).toMatchObject([{ kind: 'cgroup', target: make.target, to: null }]);
  });

  test('killed before it could tell what it made is taken for ours', async () => {
    scratch.make('a');
    expect((await undo()).steps).toMatchObject([{ kind: 'cgroup', target: make.target, to: null }]);
  });

  test('undone where tasks have come meanwhile sends them to the parent first', async () => {
    await apply(make);
    const pids = await scratch.sleepers('a', 2);
    const { steps } = await undo();
    for (const step of steps) {
      const { kindOf } = await import('../../lib/steps/registry.js');
      await kindOf(step).apply(step, { host, control: newControl() });
    }
    expect(existsSync(make.target)).toBe(false);
    expect(scratch.tids('.')).toEqual(expect.arrayContaining(pids));
  });
});

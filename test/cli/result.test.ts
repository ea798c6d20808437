/** What `--json` prints, its schema, and the schema file that is shipped. */
import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { jsonOutput } from '../../lib/cli/json-output.js';
import type { Settings } from '../../lib/cli/request.js';
import { resultSchema } from '../../lib/cli/result.js';
import type { RunReport } from '../../lib/index.js';
import { packageVersion } from '../../lib/version.js';
import { busy, change, command, failed, fakeIo, locked, missing, moved, report } from './samples.js';

/** The one object that was printed, seen to fit the schema. */
function printed(act: (output: ReturnType<typeof jsonOutput>) => void, settings: Settings = {}) {
  const { io, stdout, stderr } = fakeIo();
  act(jsonOutput(io, settings));
  expect(stderr()).toBe('');
  expect(stdout().endsWith('}\n')).toBe(true);
  const printed = JSON.parse(stdout());
  const result = v.parse(resultSchema, printed);
  // Parsing drops what the schema does not name.
  expect(result).toEqual(printed);
  return result;
}

const ofReport = (of: RunReport, exitCode: number) => printed((output) => output.report(of, exitCode));

it('the shipped JSON Schema is generated from the schema', async () => {
  const head = { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Result of vfio-isolate --json' };
  const schema = { ...head, ...toJsonSchema(resultSchema, { target: 'draft-07' }) };
  const generated = `${JSON.stringify(schema, undefined, 2)}\n`;
  await expect(generated).toMatchFileSnapshot('../../lib/cli/result.schema.json');
});

describe('the object', () => {
  it('tells of a success', () => {
    const done = command('cpuset-modify', { changes: [change] });
    const { command: _, ...rest } = change;
    expect(ofReport(report([done]), 0)).toEqual({
      schemaVersion: 1,
      version: packageVersion(),
      ok: true,
      exitCode: 0,
      dryRun: false,
      commands: [
        { command: 'cpuset-modify', status: 'done', changes: [rest], refused: [], gone: 0, notes: [], failures: [] },
      ],
      rollbackErrors: [],
    });
  });

  it('names every refusal', () => {
    expect(ofReport(report([moved]), 0).commands[0]).toMatchObject({ gone: 3, refused: moved.refused });
  });

  it('tells of a failure, with the errors in full', () => {
    const result = ofReport({ ...failed, rollbackErrors: [missing] }, 1);
    expect(result).toMatchObject({ ok: false, exitCode: 1 });
    expect(result.error).toEqual({
      code: 'EBUSY',
      errno: -16,
      syscall: 'write',
      path: '/sys/fs/cgroup/cpuset/x/cpuset.cpus',
      value: '0-1',
      message: busy.message,
      remedy: 'stop the task',
    });
    expect(result.commands.map(({ status }) => status)).toEqual(['undone', 'failed', 'skipped']);
    expect(result.commands[1]?.error).toEqual(result.error);
    expect(result.rollbackErrors).toEqual([
      { code: 'ERR_STATE', message: 'there is no cpuset /x', remedy: 'create it first' },
    ]);
  });

  it('names what a restore left', () => {
    const restored = command('restore', { status: 'failed', failures: [busy, missing], error: missing });
    const result = ofReport(report([restored], { ok: false, error: missing }), 1);
    expect(result.commands[0]?.failures.map(({ code }) => code)).toEqual(['EBUSY', 'ERR_STATE']);
  });

  it('takes any value before and after', () => {
    const values = [null, 'x', 3, ['a'], { a: { b: null } }];
    const changes = values.map((value) => ({ ...change, from: value, to: value }));
    const result = ofReport(report([command('cpuset-modify', { changes })]), 0);
    expect(result.commands[0]?.changes.map(({ from }) => from)).toEqual(values);
  });

  it('is there where the run never began', () => {
    const result = printed((output) => output.failure(locked, 75), { dryRun: true });
    expect(result).toMatchObject({
      ok: false,
      exitCode: 75,
      dryRun: true,
      commands: [],
      error: { code: 'ERR_LOCKED' },
    });
  });

  it('is there for a fault of ours, and whatever else was thrown', () => {
    expect(printed((output) => output.failure(new TypeError('x'), 1)).error).toEqual({
      code: 'ERR_INTERNAL',
      message: 'x',
    });
    expect(printed((output) => output.failure('x', 1)).error).toEqual({ code: 'ERR_INTERNAL', message: 'x' });
  });

  it('holds no character that a terminal acts upon', () => {
    const { io, stdout } = fakeIo();
    jsonOutput(io, {}).failure(new Error('\u001b\u009b\u007f'), 1);
    expect(stdout()).toContain('"\\u001b\\u009b\\u007f"');
    expect(JSON.parse(stdout()).error.message).toBe('\u001b\u009b\u007f');
  });
});

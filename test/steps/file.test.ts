import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { newControl } from '../../lib/native.js';
import { fileKind, fileStep } from '../../lib/steps/file/file.js';
import { hostTree } from '../support/tree.js';

const GOVERNOR = 'sys/devices/system/cpu/cpufreq/policy0/scaling_governor';

describe('a file step', () => {
  const setting = (text: string) => {
    const host = hostTree({ [GOVERNOR]: text });
    return { host, path: `${host.sys}/${GOVERNOR.slice('sys/'.length)}` };
  };

  test('writes the whole value, also over a longer one', async () => {
    const { host, path } = setting('performance');
    const [step] = fileStep(host, path, 'schedutil');
    if (step === undefined) throw new Error('no step');
    expect(step).toMatchObject({ from: 'performance', to: 'schedutil' });
    expect(await fileKind.apply(step, { host, control: newControl() })).toEqual({ changed: 1 });
    expect(readFileSync(path, 'utf8')).toBe('schedutil');
  });

  test('is none where the file holds the value already', () => {
    const { host, path } = setting('performance');
    expect(fileStep(host, path, 'performance')).toEqual([]);
  });

  test.skipIf(process.geteuid?.() !== 0)(
    'fails where the kernel took a value and holds another (as root)',
    async () => {
      const { host, path } = setting('schedutil');
      rmSync(path);
      // /dev/null takes everything and holds nothing.
      execFileSync('mknod', [path, 'c', '1', '3']);
      const step = { kind: 'file', target: path, from: '', to: 'performance' } as const;
      await expect(fileKind.apply(step, { host, control: newControl() })).rejects.toMatchObject({
        code: 'ERR_NOT_HELD',
        message: `${path} took performance but holds (empty)`,
      });
    },
  );
});

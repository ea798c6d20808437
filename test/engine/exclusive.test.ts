/**
 * Exclusive cpusets beside each other whose lists were led past each other, on a tree whose lists are refused as a v1
 * kernel refuses them (validate_change): an exclusive cpuset of its own would keep others from this machine's CPUs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { SystemError } from '../../lib/errors.js';
import type { Host } from '../../lib/host.js';
import { type Command, run } from '../../lib/index.js';
import { parseList } from '../../lib/sets/list.js';
import { cpus, hostTree } from '../support/tree.js';

const EINVAL = -22;
/** Whether a write would have the lists of two exclusive cpusets overlap. */
const kernel = vi.hoisted(() => ({ overlaps: (_path: string, _value: string): boolean => false }));
vi.mock(import('../../lib/kernel/door.js'), async (actual) => {
  const door = await actual();
  return {
    ...door,
    writeFile(host, path, value) {
      if (kernel.overlaps(path, value)) throw new SystemError({ errno: EINVAL, syscall: 'write', path, value });
      door.writeFile(host, path, value);
    },
  };
});

const ROOT = 'sys/fs/cgroup/cpuset';
const NAMES = ['a', 'b', 'c'];

describe.each(['cpus', 'mems'] as const)('exclusive %s', (list) => {
  const flag = list === 'cpus' ? 'cpu_exclusive' : 'mem_exclusive';
  let host: Host;
  let undo: string;
  beforeEach(() => {
    const cpuset = (at: string, own: string, exclusive = '1') => ({
      [`${at}/cgroup.procs`]: '',
      [`${at}/tasks`]: '',
      [`${at}/cpuset.cpus`]: list === 'cpus' ? own : '0-7',
      [`${at}/cpuset.mems`]: list === 'mems' ? own : '0-7',
      [`${at}/cpuset.${flag}`]: exclusive,
    });
    host = hostTree({
      ...cpus('0-7'),
      'sys/devices/system/node/online': '0-7',
      'proc/sys/kernel/osrelease': '6.12.0',
      'proc/uptime': '10.00 5.00',
      'proc/sys/kernel/random/boot_id': 'this boot',
      'proc/self/mountinfo': '25 20 0:22 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
      ...cpuset(ROOT, '0-7'),
      // One exclusive of two is enough for the kernel to refuse an overlap.
      ...cpuset(`${ROOT}/a`, '0'),
      ...cpuset(`${ROOT}/b`, '1', '0'),
      ...cpuset(`${ROOT}/c`, '2', '0'),
    });
    undo = `${dirname(host.sys)}/undo`;
    kernel.overlaps = (path, value) => {
      if (!path.endsWith(`/cpuset.${list}`)) return false;
      const own = dirname(path);
      const isExclusive = (directory: string) => readFileSync(`${directory}/cpuset.${flag}`, 'utf8').trim() === '1';
      return NAMES.map((name) => `${dirname(own)}/${name}`).some(
        (other) =>
          other !== own &&
          (isExclusive(own) || isExclusive(other)) &&
          parseList(readFileSync(`${other}/cpuset.${list}`, 'utf8')).overlaps(parseList(value)),
      );
    };
  });

  const lists = () =>
    NAMES.map((name) => readFileSync(`${host.sys}/fs/cgroup/cpuset/${name}/cpuset.${list}`, 'utf8').trim()).join(' ');
  const set = (name: string, to: string): Command => ({
    name: 'cpuset-modify',
    parameters: { cpusetName: `/${name}`, ...(list === 'cpus' ? { cpus: `C${to}` } : { mems: `N${to}` }) },
  });
  const restoring = () => run([{ name: 'restore', parameters: { undoFile: undo } }], { host });

  test.each([
    ['swapped by way of a third list', [set('a', '3'), set('b', '0'), set('a', '1')], '1 0 2'],
    [
      'led round by way of a fourth',
      [set('a', '4'), set('b', '0'), set('c', '5'), set('a', '1'), set('c', '3-4'), set('a', '1-2')],
      '1-2 0 3-4',
    ],
    [
      'of which each gives up a part for the other',
      [set('a', '0,4'), set('b', '5'), set('a', '1,4'), set('b', '0,5')],
      '1,4 0,5 2',
    ],
  ])('%s come back', async (_what, commands, led) => {
    expect((await run(commands, { host, undo })).error).toBeUndefined();
    expect(lists()).toBe(led);
    const report = await restoring();
    expect(report.error).toBeUndefined();
    expect(lists()).toBe('0 1 2');
    expect((await restoring()).commands[0]?.notes.join()).toContain('nothing to restore');
  });

  test('come back where a command fails that follows', async () => {
    const commands = [set('a', '3'), set('b', '0'), set('a', '1'), set('b', '1')];
    const report = await run(commands, { host });
    expect(report).toMatchObject({ ok: false, rollbackErrors: [] });
    expect(lists()).toBe('0 1 2');
  });

  test('wait for what somebody else has in the way, and come back once that is gone', async () => {
    expect((await run([set('a', '3'), set('b', '0'), set('a', '1')], { host, undo })).error).toBeUndefined();
    const other = `${host.sys}/fs/cgroup/cpuset/c/cpuset.${list}`;
    writeFileSync(other, '3,7\n');
    const { error, commands } = await restoring();
    expect(error?.code).toBe('ERR_INCOMPLETE');
    expect(commands[0]?.failures.map(({ message }) => message)).toEqual([
      expect.stringMatching(/\/b\/cpuset\.\w+ keeps 0: it may not have 1 beside .*\/a, one of them being exclusive/),
      expect.stringMatching(/\/a\/cpuset\.\w+ keeps 1: it may not have 0 beside .*\/b, /),
    ]);
    expect(lists()).toBe('1 0 3,7');
    writeFileSync(other, '2\n');
    expect((await restoring()).error).toBeUndefined();
    expect(lists()).toBe('0 1 2');
  });
});

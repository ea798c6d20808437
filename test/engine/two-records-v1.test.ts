/** A v1 list that has less than was written: another run has narrowed it further, or CPUs went offline. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { cpus, hostTree } from '../support/tree.js';

const ROOT = 'sys/fs/cgroup/cpuset';

function hostOf(lists: Readonly<Record<string, string>>): Host {
  const files = Object.entries({ '': '0-7', '/host': '0-7', ...lists }).flatMap(([cpuset, list]) => [
    [`${ROOT}${cpuset}/cgroup.procs`, ''],
    [`${ROOT}${cpuset}/tasks`, ''],
    [`${ROOT}${cpuset}/cpuset.cpus`, list],
    [`${ROOT}${cpuset}/cpuset.mems`, '0'],
  ]);
  const host = hostTree({
    ...cpus('0-7'),
    'proc/sys/kernel/random/boot_id': '11111111-1111-1111-1111-111111111111',
    'proc/sys/kernel/osrelease': '6.12.0',
    'proc/self/mountinfo': `25 20 0:22 / /${ROOT} rw - cgroup cgroup rw,cpuset`,
    ...Object.fromEntries(files),
  });
  mkdirSync(host.run);
  return host;
}

async function narrow(host: Host, record: string, list: string): Promise<void> {
  const command = { name: 'cpuset-modify', parameters: { cpusetName: '/host', cpus: `C${list}` } };
  expect((await run([command], { host, undo: `${host.run}/${record}` })).error).toBeUndefined();
}

const restore = (host: Host, record: string) =>
  run([{ name: 'restore', parameters: { undoFile: `${host.run}/${record}` } }], { host });

const listOf = (host: Host) => host.read(`${host.sys}/fs/cgroup/cpuset/host/cpuset.cpus`).trim();

describe('a list that two runs have narrowed', () => {
  test.each([
    ['no other cpuset', {}],
    ['one that has what the second took', { '/guest': '4-5' }],
    ['one deeper down that has some of it', { '/guest': '4-7', '/guest/vm': '5' }],
    ['one below it', { '/host/part': '0-1' }],
  ])('is left to the second, where there is %s', async (_what, others) => {
    const host = hostOf(others);
    await narrow(host, 'a', '0-5');
    await narrow(host, 'b', '0-3');
    expect((await restore(host, 'a')).error?.message).toContain('cpuset.cpus is 0-3, set by somebody else; was 0-7');
    expect(listOf(host)).toBe('0-3');
    expect((await restore(host, 'b')).error).toBeUndefined();
    expect((await restore(host, 'a')).error).toBeUndefined();
    expect(listOf(host)).toBe('0-7');
  });
});

describe('a list that CPUs were lost to', () => {
  const lose = (host: Host) => writeFileSync(`${host.sys}/fs/cgroup/cpuset/host/cpuset.cpus`, '0-4\n');

  test('comes back, where no other cpuset has them', async () => {
    const host = hostOf({ '/guest': '6-7' });
    await narrow(host, 'a', '0-5');
    lose(host);
    const report = await restore(host, 'a');
    expect(report.commands[0]?.notes).toEqual([expect.stringContaining('had 0-4 left of 0-5')]);
    expect([report.ok, listOf(host)]).toEqual([true, '0-7']);
  });

  test('comes back as far as they are online, where there is no other cpuset', async () => {
    const host = hostOf({});
    await narrow(host, 'a', '0-5');
    lose(host);
    writeFileSync(`${host.sys}/devices/system/cpu/online`, '0-4,6-7\n');
    expect((await restore(host, 'a')).error).toBeUndefined();
    expect(listOf(host)).toBe('0-4,6-7');
  });
});

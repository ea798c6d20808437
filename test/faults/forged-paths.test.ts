/** A record with right checksums that names what this tool has no business with. */
import { renameSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeText, header, step } from '../support/record.js';
import { cpus, hostTree } from '../support/tree.js';
import { everyKindHost, restoring, textOf } from './every-kind.js';
import { count } from './figures.js';
import { filesBelow } from './files-below.js';

const settings = { 'cpuset.cpus': '0' };
const limits = { list: '', dropIn: false };

/** A step of each kind on a target, given by its path or, for tasks, as where they come from or go to. */
const steps: Record<string, (target: string) => object> = {
  file: (target) => ({ kind: 'file', target, from: '0', to: '1' }),
  'file that triggers': (target) => ({ kind: 'file', target, from: null, to: '1' }),
  'cgroup made': (target) => ({ kind: 'cgroup', target, from: null, to: settings }),
  'cgroup removed': (target) => ({ kind: 'cgroup', target, from: settings, to: null }),
  controller: (target) => ({ kind: 'controller', target, from: 'off', to: 'on' }),
  property: (target) => ({ kind: 'property', target: `${target} AllowedCPUs`, from: limits, to: limits }),
  slice: (target) => ({ kind: 'slice', target: `${target}.slice`, from: null, to: null }),
  'tasks, from': (from) => ({ kind: 'tasks', target: from, from, to: from }),
  sync: (target) => ({ kind: 'sync', target: `${target}x`, from: null, to: null }),
};

describe.each(Object.entries(steps))('%s: a path is refused', (_kind, change) => {
  test('that lies outside of what the tool writes to', async () => {
    const host = everyKindHost();
    const { sys, proc, run } = host;
    const cgroup = `${sys}/fs/cgroup`;
    const before = filesBelow(dirname(sys));
    const paths = [
      '/etc/shadow',
      'etc/shadow',
      '../../../etc/shadow',
      '/',
      '',
      `${cgroup}/../../../etc/shadow`,
      `${cgroup}/../../kernel/uevent_helper`,
      `${cgroup}/x/..`,
      `${cgroup}/./x/cpuset.cpus`,
      `${cgroup}//x/cpuset.cpus`,
      `${cgroup}/x/cpuset.cpus/`,
      `${cgroup}/a\0b/cpuset.cpus`,
      `${cgroup}/a\nb/cpuset.cpus`,
      `${cgroup}x/cpuset.cpus`,
      `${sys}/kernel/uevent_helper`,
      `${proc}/sys/kernel/core_pattern`,
      `${proc}/1/mem`,
      `${run}/vfio-isolate/lock`,
    ];
    for (const path of paths) {
      const report = await restoring(host, textOf([header({ boot: BOOT }), step(1, change(path))]), { force: true });
      expect(report.error, path).toMatchObject({
        code: 'ERR_RECORD',
        message: expect.stringMatching(/^undo record .*, line 2: [^\n]+$/),
      });
    }
    expect(withoutRun(filesBelow(dirname(sys)))).toEqual(withoutRun(before));
    count('forged records with a path of no concern to the tool', paths.length);
  });
});

/** The boot of that stand-in. */
const BOOT = '2a79a9f0-c991-4221-94c3-af2b611c1511';

/** Without the lock and the record. */
const withoutRun = (files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !/\/(run|undo)(\/|$)/.test(path)));

test('what lies in a hierarchy without the cpuset controller is refused', async () => {
  const controllers = ['cpuset', 'memory'];
  const mounts = controllers.map(
    (name, id) => `${id + 25} 20 0:22 / /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}`,
  );
  const host = hostTree({
    'proc/self/mountinfo': mounts.join('\n'),
    'proc/sys/kernel/random/boot_id': BOOT,
    'sys/fs/cgroup/memory/x/notify_on_release': '1',
    'sys/fs/cgroup/cpuset/x/notify_on_release': '1',
    'sys/fs/cgroup/cpuset/cpuset.cpus': '0-3',
    ...cpus('0-3'),
  });
  const notify = (controller: string) =>
    textOf([
      header({ boot: BOOT }),
      step(1, {
        kind: 'file',
        target: `${host.sys}/fs/cgroup/${controller}/x/notify_on_release`,
        from: '0',
        to: '1',
      }),
    ]);
  expect((await restoring(host, notify('memory'))).error?.message).toMatch(
    /line 2: .* is no kernel file that this tool writes to/,
  );
  expect(host.read(`${host.sys}/fs/cgroup/memory/x/notify_on_release`)).toBe('1\n');
  expect((await restoring(host, notify('cpuset'))).error).toBeUndefined();
  expect(host.read(`${host.sys}/fs/cgroup/cpuset/x/notify_on_release`)).toMatch(/^0/);
});

test.each([
  ['file', { kind: 'file', target: '/guest/cpuset.cpus', from: '0-7', to: '0-3' }],
  ['cgroup', { kind: 'cgroup', target: '/guest', from: null, to: {} }],
  ['cgroup below', { kind: 'cgroup', target: '/guest/below', from: settings, to: null }],
  ['controller', { kind: 'controller', target: '/guest', from: 'on', to: 'off' }],
  ['tasks', { kind: 'tasks', target: '/home', from: '/guest', to: '/home' }],
])('a link below a root is not followed: %s', async (_kind, change) => {
  const host = everyKindHost();
  const cgroup = `${host.sys}/fs/cgroup`;
  const outside = `${dirname(host.sys)}/outside`;
  renameSync(`${cgroup}/guest`, outside);
  symlinkSync(outside, `${cgroup}/guest`);
  const before = filesBelow(outside);
  const absolute = Object.fromEntries(
    Object.entries(change).map(([name, value]) => [name, String(value).startsWith('/') ? cgroup + value : value]),
  );
  const lines = [header({ boot: BOOT }), step(1, absolute)];
  const moved = { type: 'detail', step: 1, from: '/guest', processes: [[105, 5600]], threads: [] };
  const details = change.kind === 'tasks' ? [{ type: 'detail', step: 1, began: 1, residents: [] }, moved] : [];
  const report = await restoring(host, textOf([...lines, ...details]), { force: true });
  expect(report.error).toMatchObject({ code: 'ERR_INCOMPLETE' });
  expect(report.commands[0]?.failures[0]?.message).toMatch(/ELOOP|ENOTDIR/);
  expect(filesBelow(outside)).toEqual(before);
});

test('a detail with the members of two kinds is read as the one that was checked', async () => {
  const change = { kind: 'slice', target: 'host.slice', from: null, to: { cpus: '4-7', mems: '' } };
  const text = textOf([header({ boot: BOOT }), step(1, change), { type: 'detail', step: 1, made: null, masks: 'x' }]);
  expect((await restoring(everyKindHost(), text, { force: true })).error).toBeUndefined();
});

test('steps that are not there yet are not undone', async () => {
  const host = everyKindHost();
  const sync = step(1, { kind: 'sync', target: '/', from: null, to: null });
  for (const steps of [[2], [0], [1, 2], [2 ** 40]]) {
    for (const type of ['undone', 'undone-but-masks']) {
      const lines = [header({ boot: BOOT }), sync, { type, steps, time: '2026-01-01T00:00:00.000Z' }];
      expect((await restoring(host, textOf(lines))).error?.message).toMatch(/, line 3: /);
    }
  }
  for (const [first, last] of [
    [0, 1],
    [1, 2],
    [2, 1],
    [2, 2],
  ]) {
    const lines = [
      header({ boot: BOOT }),
      sync,
      { type: 'undone-tasks', of: 'tasks', first, last, at: 1, tasks: [[1, 1]] },
    ];
    expect((await restoring(host, textOf(lines))).error?.message).toMatch(/, line 3: /);
  }
});

describe('a record as large as it may be is refused or read within seconds:', () => {
  const boot = { boot: BOOT };
  const opened = textOf([header(boot)]);

  test('a million brackets', async () => {
    const json = `{"type":"step","step":1,"command":"x","change":{"kind":"file","target":"/x","from":${'['.repeat(1e6)}${']'.repeat(1e6)},"to":"x"}}`;
    const { error } = await restoring(everyKindHost(), opened + encodeText(json));
    expect(error?.message).toMatch(/, line 2: [^\n]{1,300}$/);
  });

  test('a name of 30 MiB', async () => {
    const change = { kind: 'x'.repeat(30 << 20), target: '/', from: null, to: null };
    const { error } = await restoring(everyKindHost(), opened + textOf([step(1, change)]));
    expect(error?.message).toMatch(/, line 2: unknown kind of step "x{100,}[^\n]{1,300}$/);
  });

  test('a hundred thousand changes of one thing', async () => {
    const change = { kind: 'sync', target: '/', from: null, to: null };
    const changes = Array.from({ length: 100_000 }, (_, index) => step(index + 1, change));
    const began = performance.now();
    expect((await restoring(everyKindHost(), opened + textOf(changes))).error).toBeUndefined();
    // A second on a quiet machine. With each change copying those before it, it was not done after six minutes.
    expect(performance.now() - began).toBeLessThan(60_000);
  });
});

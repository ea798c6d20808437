/** Which slice of a name is stopped when the start of one is undone. What systemd says of it is a stand-in's. */
import { rmSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { UnitState } from '../../lib/kernel/systemd/properties.js';
import { sliceKind } from '../../lib/steps/slice.js';
import { hostTree } from '../support/tree.js';

const systemd = vi.hoisted(() => ({ said: undefined as UnitState | undefined, isActive: async () => false }));
vi.mock(import('../../lib/kernel/systemd/slices.js'), async (actual) => ({
  ...(await actual()),
  isActive: () => systemd.isActive(),
}));
vi.mock(import('../../lib/kernel/systemd/bus.js'), async (actual) => ({
  ...(await actual()),
  settled: async () => {},
}));
vi.mock(import('../../lib/kernel/systemd/properties.js'), async (actual) => ({
  ...(await actual()),
  askUnit: async () => systemd.said,
}));

const OURS = 'made by vfio-isolate';

describe('a slice that a run has started', () => {
  beforeEach(() => {
    systemd.said = undefined;
  });

  const unit = (active: boolean, description: string): UnitState => ({
    loaded: true,
    active,
    description,
    cgroup: '/guest.slice',
    dropIns: [],
    properties: new Map(),
  });

  const tree = (tasks: string) =>
    hostTree({
      'proc/sys/kernel/osrelease': '6.12.0',
      'proc/self/mountinfo': '25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
      'sys/fs/cgroup/cgroup.controllers': 'cpuset',
      'sys/fs/cgroup/guest.slice/cgroup.procs': tasks,
    });

  function undo(force = false, tasks = '') {
    const host = tree(tasks);
    const step = { kind: 'slice', target: 'guest.slice', from: null, to: { cpus: '1', mems: '' } } as const;
    return sliceKind.undo({ step, parts: [{ step, details: [] }] }, host, { force, settle: false });
  }
  const stopped = { steps: [{ kind: 'slice', target: 'guest.slice', to: null }] };

  test.each([
    ['runs', unit(true, OURS)],
    ['was stopped by somebody else, who left its cgroup', unit(false, 'guest.slice')],
    ['is on a host without a systemd to ask', undefined],
  ])('is stopped where it %s', async (_what, said) => {
    systemd.said = said;
    expect(await undo()).toMatchObject(stopped);
  });

  test.each(['', '1'])('is left where somebody else has started it anew (tasks in it: "%s")', async (tasks) => {
    systemd.said = unit(true, 'Slice /guest');
    expect(await undo(false, tasks)).toEqual({
      steps: [],
      changed: ['guest.slice was stopped and started anew by somebody else'],
    });
  });

  test('is stopped all the same by force, but not with what runs in it', async () => {
    systemd.said = unit(true, 'Slice /guest');
    expect(await undo(true)).toMatchObject(stopped);
    await expect(undo(true, '1')).rejects.toMatchObject({ code: 'ERR_STATE' });
  });

  test('has gone where systemd removed its cgroup just before we would', async () => {
    const host = tree('');
    let asked = 0;
    systemd.isActive = async () => {
      if (++asked === 2) rmSync(`${host.sys}/fs/cgroup/guest.slice`, { recursive: true, force: true });
      return false;
    };
    const step = { kind: 'slice', target: 'guest.slice', from: { cpus: '1', mems: '' }, to: null } as const;
    expect(await sliceKind.apply(step, { host, control: new Int32Array(2) })).toEqual({ changed: 1 });
  });
});

/** Which slice of a name is stopped when the start of one is undone. What systemd says of it is a stand-in's. */
import { rmSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { UnitState } from '../../lib/kernel/systemd/properties.js';
import { sliceKind } from '../../lib/steps/slice.js';
import { CGROUP2_MOUNT, hostTree } from '../support/tree.js';

const systemd = vi.hoisted(() => ({ said: undefined as UnitState | undefined, onAsked: () => {} }));
vi.mock(import('../../lib/kernel/systemd/bus.js'), async (actual) => ({
  ...(await actual()),
  settled: async () => {},
}));
vi.mock(import('../../lib/kernel/systemd/properties.js'), async (actual) => ({
  ...(await actual()),
  askUnit: async () => {
    systemd.onAsked();
    return systemd.said;
  },
}));

const OURS = 'made by vfio-isolate';

const unit = (active: boolean, description: string, properties: Record<string, string> = {}): UnitState => ({
  loaded: true,
  active,
  description,
  idle: !active,
  known: true,
  cgroup: '/guest.slice',
  place: '/guest.slice',
  dropIns: [],
  properties: new Map(Object.entries({ AllowedCPUs: '', AllowedMemoryNodes: '', ...properties })),
});

const tree = (tasks: string) =>
  hostTree({
    'proc/sys/kernel/osrelease': '6.12.0',
    'proc/uptime': '10.00 5.00',
    'sys/devices/system/cpu/online': '0-3',
    'proc/self/mountinfo': CGROUP2_MOUNT,
    'sys/fs/cgroup/cgroup.controllers': 'cpuset',
    'sys/fs/cgroup/guest.slice/cgroup.procs': tasks,
  });

beforeEach(() => {
  systemd.said = undefined;
  systemd.onAsked = () => {};
});

describe('a slice that a run has started', () => {
  const step = { kind: 'slice', target: 'guest.slice', from: null, to: { cpus: '1', mems: '' } } as const;
  function undo(force = false, tasks = '') {
    const host = tree(tasks);
    return sliceKind.undo({ step, parts: [{ step, details: [] }] }, host, {
      force,
      settle: false,
      leaving: new Set<string>(),
    });
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

  test('is stopped, and all that is its goes with it, unless the last start came later than that of somebody else', async () => {
    systemd.said = unit(true, OURS);
    const [ours, theirs] = [
      { step, details: [] },
      { step, details: [{ made: null }] },
    ];
    const options = { force: false, settle: false, leaving: new Set<string>() };
    const [later, earlier] = [
      { step, parts: [theirs, ours] },
      { step, parts: [ours, theirs] },
    ];
    expect(await sliceKind.undo(later, tree(''), options)).toMatchObject(stopped);
    expect(sliceKind.encloses?.(later)).toBe('guest.slice');
    expect(await sliceKind.undo(earlier, tree(''), options)).toEqual({ steps: [] });
    expect(sliceKind.encloses?.(earlier)).toBeUndefined();
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
    systemd.said = unit(false, OURS);
    systemd.onAsked = () => {
      if (++asked === 2) rmSync(`${host.sys}/fs/cgroup/guest.slice`, { recursive: true, force: true });
    };
    const step = { kind: 'slice', target: 'guest.slice', from: { cpus: '1', mems: '' }, to: null } as const;
    expect(await sliceKind.apply(step, { host, control: new Int32Array(2) })).toEqual({ changed: 1 });
  });
});

describe('a slice that a run has deleted', () => {
  const first = { cpus: '0-1', mems: '' };
  const deletion = { kind: 'slice', target: 'guest.slice', from: first, to: null } as const;
  const second = { kind: 'slice', target: 'guest.slice', from: null, to: { cpus: '3', mems: '0' } } as const;

  function undo({ force = false, own = false, there = true } = {}) {
    const host = tree('');
    if (!there) rmSync(`${host.sys}/fs/cgroup/guest.slice`, { recursive: true });
    const steps = own ? [deletion, second] : [deletion];
    const step = own ? { ...deletion, to: second.to } : deletion;
    const entry = { step, parts: steps.map((one) => ({ step: one, details: [] })) };
    return sliceKind.undo(entry, host, { force, settle: false, leaving: new Set<string>() });
  }
  const started = { steps: [{ kind: 'slice', target: 'guest.slice', from: null, to: first }] };
  const listsBack = {
    steps: [
      { kind: 'property', target: expect.stringMatching(/\/guest.slice AllowedCPUs$/), to: { list: '0-1' } },
      { kind: 'property', target: expect.stringMatching(/\/guest.slice AllowedMemoryNodes$/), to: { list: '' } },
    ],
  };

  test('is started again, also where its cgroup alone was left', async () => {
    systemd.said = unit(false, 'guest.slice');
    expect(await undo({ there: false })).toEqual(started);
    expect(await undo()).toEqual(started);
  });

  test('is back where one of that name has the lists on record', async () => {
    systemd.said = unit(true, 'Slice /guest', { AllowedCPUs: '0 1' });
    expect(await undo()).toEqual({ steps: [] });
  });

  test('is left and reported where somebody else has made one with other lists; by force those are set', async () => {
    systemd.said = unit(true, 'Slice /guest', { AllowedCPUs: '2', AllowedMemoryNodes: '1' });
    expect(await undo()).toEqual({
      steps: [],
      changed: ['guest.slice was made again by somebody else, with AllowedCPUs=2 AllowedMemoryNodes=1'],
    });
    expect(await undo({ force: true })).toMatchObject(listsBack);
  });

  test('gets its lists back where the run itself has made it again, with others', async () => {
    systemd.said = unit(true, OURS, { AllowedCPUs: '3', AllowedMemoryNodes: '0' });
    expect(await undo({ own: true })).toMatchObject(listsBack);
  });
});

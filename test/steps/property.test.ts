/** What undoing a property does with a list that is not ours, on stand-in hosts. */
import { expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import { propertyKind } from '../../lib/steps/property.js';
import { CGROUP2_MOUNT, cpus, hostTree } from '../support/tree.js';

/** A host of 8 CPUs whose system.slice somebody has given a list since. */
function hostWith(present: string): Host {
  return hostTree({
    'proc/self/mountinfo': CGROUP2_MOUNT,
    'sys/fs/cgroup/cgroup.controllers': 'cpuset',
    'sys/fs/cgroup/cgroup.subtree_control': 'cpuset',
    'sys/fs/cgroup/cpuset.cpus.effective': '0-7',
    'sys/fs/cgroup/system.slice/cgroup.procs': '',
    'sys/fs/cgroup/system.slice/cpuset.cpus': present,
    'sys/fs/cgroup/system.slice/cpuset.cpus.effective': present,
    'run/systemd/system.control/system.slice.d/50-AllowedCPUs.conf': `[Slice]\nAllowedCPUs=${present}`,
    ...cpus('0-7'),
  });
}

function undo(first: string, ours: string, present: string, force = false) {
  const host = hostWith(present);
  const step = {
    kind: 'property',
    target: `${host.sys}/fs/cgroup/system.slice AllowedCPUs`,
    from: { list: first, dropIn: first !== '' },
    to: { list: ours, dropIn: true },
  } as const;
  return propertyKind.undo({ step, parts: [{ step, details: [] }] }, host, {
    force,
    settle: false,
    leaving: new Set<string>(),
  });
}

test.each([
  ['all that there are, where none of ours was empty', '0-3', '0-1', '0-7'],
  ['more than there are, where the first was empty', '', '0-1', '0-8'],
  ['less than there are, where the first was empty', '', '0-1', '0-6'],
])('a list that somebody else has set since is left: %s', async (_what, first, ours, present) => {
  expect(await undo(first, ours, present)).toEqual({
    steps: [],
    changed: [`AllowedCPUs of system.slice is ${present}, set by somebody else; was ${first || '(unset)'}`],
  });
  expect(await undo(first, ours, present, true)).toMatchObject({
    steps: [{ from: { list: present }, to: { list: first } }],
  });
});

test.each([
  ['a restore', '', '0-1'],
  ['a run that clears it', '0-3', ''],
])('what was stopped between widening and clearing is gone on with: %s', async (_what, first, ours) => {
  expect(await undo(first, ours, '0-7')).toMatchObject({ steps: [{ from: { list: '0-7' }, to: { list: first } }] });
});

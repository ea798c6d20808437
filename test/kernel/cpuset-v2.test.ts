/** What an empty list of cgroup v2 amounts to while CPUs are offline, on stand-in hosts. */
import { expect, test } from 'vitest';
import type { Host } from '../../lib/host.js';
import { type Command, run } from '../../lib/index.js';
import { inheritedList } from '../../lib/kernel/cpuset-v2.js';
import { findCpusets } from '../../lib/kernel/mounts.js';
import { fileKind } from '../../lib/steps/file/file.js';
import { CGROUP2_MOUNT, cpus, hostTree } from '../support/tree.js';

const ROOT = { '/cpuset.cpus.effective': '0-5', '/cgroup.subtree_control': 'cpuset' };

/** CPUs 6 and 7 of 8 are offline. */
function hostWith(files: Readonly<Record<string, string>>): Host {
  const all = Object.entries({ ...ROOT, ...files });
  return hostTree({
    'proc/self/mountinfo': CGROUP2_MOUNT,
    'proc/sys/kernel/osrelease': '6.12.0',
    'sys/fs/cgroup/cgroup.controllers': 'cpuset',
    ...cpus('0-5', '0-7'),
    ...Object.fromEntries(all.map(([path, text]) => [`sys/fs/cgroup${path}`, text])),
  });
}

/** A cgroup with these lists, of what is asked and of what holds. */
const cgroup = (name: string, asked: string, effective: string, more: Readonly<Record<string, string>> = {}) =>
  Object.fromEntries(
    Object.entries({
      'cpuset.cpus': asked,
      'cpuset.cpus.effective': effective,
      'cgroup.procs': '',
      'cgroup.subtree_control': 'cpuset',
      ...more,
    }).map(([file, text]) => [`${name}/${file}`, text]),
  );

const partition = (state: string) => ({ 'cpuset.cpus.partition': state });
const root = partition('root');

test.each<[string, Record<string, string>, string]>([
  ['all that are present, below the root', {}, '0-7'],
  ['those of the list above, offline ones too', cgroup('/a', '4-6', '4-5'), '4-6'],
  ['what the list above would leave of one that is wider', cgroup('/a', '4-9', '4-5'), '4-7'],
  ['what the one further up has, where the list above is empty', cgroup('/a', '', '0-5'), '0-7'],
  ['also the one above, whose list has only offline CPUs now', cgroup('/a', '7', '0-5'), '0-5,7'],
  [
    'none that a partition beside has taken',
    { ...cgroup('/a', '', '0-3'), ...cgroup('/b', '4-6', '4-5', root) },
    '0-3,7',
  ],
  [
    'none that a partition is waiting for, all of whose CPUs are offline',
    { ...cgroup('/a', '', '0-5'), ...cgroup('/b', '7', '0-5', partition('root invalid (Cpu list is empty)')) },
    '0-6',
  ],
  [
    'none that one is waiting for whose kernel gives no reason, beside the cgroup itself',
    { ...cgroup('/a', '', '0-5'), ...cgroup('/a/b', '6-7', '0-5', partition('isolated invalid')) },
    '0-5',
  ],
  [
    'none that a remote partition further down has claimed on its way',
    {
      ...cgroup('/a', '', '0-5'),
      ...cgroup('/b', '', '0-5', { ...partition('member'), 'cpuset.cpus.exclusive': '6' }),
    },
    '0-5,7',
  ],
  [
    'what is online, though an invalid partition asks for it',
    { ...cgroup('/a', '', '0-5'), ...cgroup('/b', '5-6', '0-5', partition('root invalid')) },
    '0-5,7',
  ],
  [
    'also what the list of a member beside has',
    { ...cgroup('/a', '', '0-5'), ...cgroup('/b', '4-7', '4-5', partition('member')) },
    '0-7',
  ],
])('an empty list stands for %s', (_what, files, inherited) => {
  const host = hostWith(files);
  const above = '/a/cpuset.cpus' in files ? '/a' : '';
  const directory = `${host.sys}/fs/cgroup${above}/x`;
  expect(inheritedList(host, findCpusets(host), directory, 'cpus').toString()).toBe(inherited);
});

test('a CPU that is present but offline is no CPU that a new list could be of alone', async () => {
  const host = hostWith(cgroup('/a', '', '0-5'));
  const modify: Command = { name: 'cpuset-modify', parameters: { cpusetName: '/a', cpus: 'C7' } };
  expect((await run([modify], { host, dryRun: true })).ok).toBe(false);
});

test('a restore that was stopped between widening a list and emptying it is gone on with, whatever is online by then', () => {
  const host = hostWith(cgroup('/a', '0-7', '0-5'));
  const change = { kind: 'file', target: `${host.sys}/fs/cgroup/a/cpuset.cpus`, from: '', to: '0-1' } as const;
  const entry = { step: change, parts: [{ step: change, details: [] }] };
  expect(
    fileKind.undo(entry, host, { force: false, settle: false, again: false, leaving: new Set<string>() }),
  ).toMatchObject({
    steps: [{ from: '0-7', to: '' }],
  });
});

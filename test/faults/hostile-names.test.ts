/** Names of cpusets that mean ill: refused, or right, and nothing else is touched. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Command, run } from '../../lib/index.js';
import { vfioIsolate } from '../support/cli.js';
import { commandLine } from '../support/injected.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';
import { CGROUP2_MOUNT, cpus, hostTree } from '../support/tree.js';
import { sample } from './extent.js';
import { count } from './figures.js';
import { filesBelow } from './files-below.js';

const USAGE = 2;
const FAILED = 1;

/** Each command that takes a name, with a cpuset that is there where it takes two. */
const commands = (name: string, there: string): string[][] => [
  ['cpuset-create', name],
  ['cpuset-modify', '--cpus', 'C0', name],
  ['cpuset-delete', name],
  ['move-tasks', name, there],
  ['move-tasks', there, name],
];

describe.skipIf(notInPlace)(`names, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  beforeEach(async () => {
    scratch = openScratch();
    scratch.make('home');
    await scratch.sleepers('home', 1);
  });

  const refused: [what: string, name: (scratch: string) => string, status: number, word: RegExp][] = [
    ['up', (at) => `${at}/..`, USAGE, /it contains "\.\."/],
    ['up and down again', (at) => `${at}/../${at.slice(1)}/home`, USAGE, /it contains "\.\."/],
    ['far up', () => '../../../../etc', USAGE, /it contains "\.\."/],
    ['here', (at) => `${at}/./home`, USAGE, /it contains "\."/],
    ['nothing', () => '', USAGE, /is empty/],
    ['a newline', (at) => `${at}/a\nb`, USAGE, /a control character/],
    ['an escape sequence', (at) => `${at}/\u001b[2J`, USAGE, /a control character/],
    ['256 characters', (at) => `${at}/${'x'.repeat(256)}`, USAGE, /is longer than 255 bytes/],
    ['256 bytes in 128 characters', (at) => `${at}/${'\u00e9'.repeat(128)}`, USAGE, /is longer than 255 bytes/],
    ['4,096 characters', (at) => `${at}${'/xxxxxxx'.repeat(512)}`.slice(0, 4096), USAGE, /is longer than 4096 bytes/],
    ['100,000 characters', (at) => at + '/x'.repeat(50_000), USAGE, /is longer than 4096 bytes/],
    ['as long as may be, and nowhere', (at) => `${at}${'/xxxxxxx'.repeat(400)}`, FAILED, /there is no cpuset/],
    ['below a file', (at) => `${at}/cpuset.cpus/x`, FAILED, /there is no cpuset/],
  ];

  test.each(refused)('%s: refused by every command', async (_what, name, status, word) => {
    const before = snapshot(scratch.directory);
    const tried = sample(commands(name(scratch.name), `${scratch.name}/home`), 2);
    for (const words of tried) {
      const ended = await vfioIsolate(...words);
      expect(ended, words[0]).toMatchObject({ status, stdout: '' });
      expect(ended.stderr).toMatch(word);
      expect(ended.stderr).toMatch(/^vfio-isolate: [^\n]{1,5000}\n(vfio-isolate: nothing was changed\n)?$/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal would act upon
      expect(ended.stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
    }
    expect(snapshot(scratch.directory)).toEqual(before);
    count('hostile names of cpusets', tried.length);
  });

  test('a NUL, which no command line can hold, is refused of a program', async () => {
    const before = snapshot(scratch.directory);
    const name = `${scratch.name}/a\0b`;
    const there = `${scratch.name}/home`;
    const calls: Command[] = [
      { name: 'cpuset-create', parameters: { cpusetName: name } },
      { name: 'cpuset-modify', parameters: { cpusetName: name, cpus: 'C0' } },
      { name: 'cpuset-delete', parameters: { cpusetName: name } },
      { name: 'move-tasks', parameters: { cpusetFrom: name, cpusetTo: there } },
      { name: 'move-tasks', parameters: { cpusetFrom: there, cpusetTo: name } },
    ];
    for (const call of calls) expect((await run([call])).error).toMatchObject({ code: 'ERR_USAGE' });
    expect(snapshot(scratch.directory)).toEqual(before);
    count('hostile names of cpusets', calls.length);
  });

  test('the name of a kernel file cannot be a cpuset, and the file stays', async () => {
    const before = snapshot(scratch.directory);
    for (const words of commands(`${scratch.name}/cpuset.cpus`, `${scratch.name}/home`)) {
      expect(await vfioIsolate(...words)).toMatchObject({ status: FAILED, stdout: '' });
    }
    expect(snapshot(scratch.directory)).toEqual(before);
  });

  test.each([
    ['255 characters', 'x'.repeat(255), 'x'.repeat(255)],
    ['a trailing slash', 'guest/', 'guest'],
    ['many slashes', '///guest//', 'guest'],
    ['blanks, quotes and an option', '--cpus "$(reboot)" \'', '--cpus "$(reboot)" \''],
    ['letters of other scripts', 'g\u00e4st-\u4e2d', 'g\u00e4st-\u4e2d'],
    ['three dots', '...', '...'],
  ])('%s: made as it is named, and taken away', async (_what, name, made) => {
    const before = snapshot(scratch.directory);
    const undo = `${scratch.folder}/undo`;
    expect(await vfioIsolate('-u', undo, 'cpuset-create', `${scratch.name}/${name}`)).toMatchObject({ status: 0 });
    const { [`/${made} cpuset.cpus`]: list, ...after } = snapshot(scratch.directory);
    expect(list).toBe(scratch.read('cpuset.cpus'));
    expect(
      Object.keys(after)
        .filter((key) => !(key in before))
        .every((key) => key.startsWith(`/${made}`)),
    ).toBe(true);
    expect(await vfioIsolate('restore', undo)).toMatchObject({ status: 0, stderr: '' });
    expect(snapshot(scratch.directory)).toEqual(before);
    count('hostile names of cpusets', 1);
  });
});

describe.each([
  ['v1', '25 20 0:22 / /sys/fs/cgroup rw - cgroup cgroup rw,cpuset'],
  ['v2', CGROUP2_MOUNT],
])('a link below the cgroups of %s, which cgroupfs itself cannot hold,', (_version, mountinfo) => {
  const group = {
    'cpuset.cpus': '0-3',
    'cpuset.mems': '0',
    tasks: '',
    'cgroup.procs': '',
    'cgroup.subtree_control': '',
  };

  test('is followed by no command', async () => {
    const host = hostTree({
      'proc/self/mountinfo': mountinfo,
      'proc/sys/kernel/random/boot_id': 'boot',
      'proc/sys/kernel/osrelease': '6.12.0',
      'proc/uptime': '80.00 600.00',
      ...cpus('0-3'),
      'sys/fs/cgroup/cgroup.controllers': 'cpuset',
      ...Object.fromEntries(
        ['', '/there'].flatMap((at) =>
          Object.entries(group).map(([name, text]) => [`sys/fs/cgroup${at}/${name}`, text]),
        ),
      ),
    });
    const outside = `${dirname(host.sys)}/outside`;
    mkdirSync(outside);
    for (const [name, text] of Object.entries(group)) writeFileSync(`${outside}/${name}`, text);
    symlinkSync(outside, `${host.sys}/fs/cgroup/link`);
    const before = filesBelow(outside);
    for (const words of [...commands('/link', '/there'), ['cpuset-create', '/link/below']]) {
      const ended = await commandLine(host, ...words);
      // Moving from an empty cpuset, and making one that is there, end otherwise: nothing is touched by either.
      if (words[0] !== 'move-tasks') expect(ended.status, words.join(' ')).toBe(FAILED);
      expect(ended.stderr, words.join(' ')).not.toMatch(/internal|TypeError/);
      expect(filesBelow(outside), words.join(' ')).toEqual(before);
    }
    count('links below cgroups', 6);
  });
});

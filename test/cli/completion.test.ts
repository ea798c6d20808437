/** Completion as a person has it: a shell on a terminal, and TAB. Whoever may make a cgroup chooses its name. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeDocuments } from '../../lib/cli/documents/documents.js';
import { notInPlace, openScratch } from '../support/scratch.js';
import { Terminal } from '../support/terminal.js';

/** Debian's packages bash, zsh and fish; CI has them. */
const isInstalled = (program: string) => spawnSync(program, ['--version']).error === undefined;

/** Each shell without anybody's settings, and how it learns of the completions in a folder. */
const shells: [shell: string, command: string, setUp: (completions: string) => string][] = [
  ['bash', 'bash --norc --noprofile', (completions) => `source ${completions}/vfio-isolate.bash`],
  ['zsh', 'zsh -f', (completions) => `fpath=(${completions} $fpath); autoload -U compinit; compinit -D -u`],
  ['fish', 'fish --no-config', (completions) => `source ${completions}/vfio-isolate.fish`],
];

const NAMES = ['plain', 'user@0.service', 'machine-qemu\\x2d1\\x2dguest.scope', 'of:two,parts=one+two%'];

/** Each begins with a letter of its own, and its code would leave a file behind. */
const HOSTILE = [
  'a$(id>pwned)',
  'b`id>pwned`',
  'c;id>pwned;',
  'd"$(id>pwned)"',
  "e'$(id>pwned)'",
  'f|id>pwned',
  'h\tid>pwned',
  'i\u2028$(id>pwned)',
  'j &id>pwned',
  'l\r$(id>pwned)',
  'n*',
  'q\\',
  'r\x1b]0;x\x07',
];

describe.each(shells)('TAB in %s, in place', (shell, command, setUp) => {
  const test = isInstalled(shell) && notInPlace === undefined ? it : it.skip;

  /** What `vfio-isolate cpuset-delete` is called with when a beginning of a name is completed, and what else came of it. */
  async function complete(names: readonly string[], beginnings: readonly string[]) {
    const scratch = openScratch();
    for (const name of names) mkdirSync(`${scratch.directory}/${name}`);
    const [cwd, bin] = [join(scratch.folder, 'cwd'), join(scratch.folder, 'bin')];
    for (const folder of [cwd, bin]) mkdirSync(folder);
    writeDocuments(scratch.folder);
    const program = join(bin, 'vfio-isolate');
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\0' "$@" >${scratch.folder}/words\n`);
    chmodSync(program, 0o755);
    const env = { PATH: `${bin}:${process.env['PATH']}`, HOME: cwd, TERM: 'dumb', LC_ALL: 'C.UTF-8' };
    const terminal = new Terminal(command, { cwd, env });
    const called: (string | undefined)[] = [];
    const shown: string[] = [];
    try {
      await terminal.type(`${setUp(join(scratch.folder, 'completions'))}\n`);
      for (const beginning of beginnings) {
        rmSync(`${scratch.folder}/words`, { force: true });
        shown.push(await terminal.type(`vfio-isolate cpuset-delete ${scratch.name}/${beginning}\t`));
        await terminal.type('\n');
        const words = existsSync(`${scratch.folder}/words`) ? readFileSync(`${scratch.folder}/words`, 'utf8') : '';
        const [, name, ...more] = words.split('\0').slice(0, -1);
        expect(more).toEqual([]);
        called.push(name?.slice(scratch.name.length + 1));
      }
      return { called, shown, left: readdirSync(cwd).filter((name) => name === 'pwned') };
    } finally {
      await terminal.end();
    }
  }

  test('completes the names of units, each as one word', { timeout: 120_000 }, async () => {
    const beginnings = ['pl', 'us', 'user@', 'user@0', 'mach', 'of', 'of:'];
    const { called } = await complete(NAMES, beginnings);
    expect(called).toEqual(beginnings.map((beginning) => NAMES.find((name) => name.startsWith(beginning))));
  });

  test('runs nothing that stands in a name, and keeps it one word', { timeout: 240_000 }, async () => {
    const beginnings = HOSTILE.map(([letter]) => letter as string);
    const { called, shown, left } = await complete(HOSTILE, beginnings);
    expect(left).toEqual([]);
    for (const [index, name] of called.entries()) expect([beginnings[index], HOSTILE[index]]).toContain(name);
    expect(shown.join('')).not.toContain('\x1b]0;x\x07');
  });
});

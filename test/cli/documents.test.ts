/** The man page and the completions, each read by the program that it is for. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { documents, writeDocuments } from '../../lib/cli/documents/documents.js';
import { globalOptions } from '../../lib/cli/options.js';
import { verbs } from '../../lib/cli/verbs.js';
import { actions } from '../../lib/index.js';

const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-documents-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeDocuments(folder);

const specs = [...actions.map(({ spec }) => spec), ...verbs];
const commands = specs.map(({ name }) => name);

function run(program: string, args: readonly string[], cwd?: string) {
  const { error, stdout, stderr, status } = spawnSync(program, args, {
    encoding: 'utf8',
    cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '200' },
  });
  if (error) throw error;
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

/** Debian's packages man-db, bash, zsh and fish; CI has them. */
const isInstalled = (program: string) => spawnSync(program, ['--version']).error === undefined;

describe.skipIf(!isInstalled('man'))('the man page', () => {
  const page = join(folder, 'man/vfio-isolate.8');

  test('is clean', () => {
    run('man', ['--warnings', '-E', 'UTF-8', '-l', page]);
  });

  test('has its sections, every command, option and argument, and every example', () => {
    const shown = run('man', ['-E', 'ascii', '-l', page]);
    const lines = shown.split('\n');
    for (const title of ['NAME', 'SYNOPSIS', 'EXIT STATUS', 'FILES', 'ENVIRONMENT', 'SECURITY']) {
      expect(lines).toContain(title);
    }
    for (const { name } of globalOptions) expect(shown).toContain(`--${name}`);
    for (const { name, arguments: list, options, examples } of specs) {
      expect(shown).toMatch(new RegExp(`^   ${name}`, 'm'));
      for (const one of [...list.map((each) => each.name), ...options.map((each) => `--${each.name}`)]) {
        expect(shown).toContain(one);
      }
      for (const { line } of examples) expect(lines).toContain(`         ${line}`);
    }
  });
});

/** What is offered for the last word of a command line. */
const shells: [shell: string, complete: (words: readonly string[]) => string[]][] = [
  [
    'bash',
    (words) => {
      const line = `'${words.join(' ')}'`;
      // Outside of a line editor there is no readline, which completes files.
      const script = `source ${folder}/completions/vfio-isolate.bash
        compopt() { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
        COMP_LINE=${line} COMP_POINT=\${#COMP_LINE}; _vfio_isolate; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return run('bash', ['-c', script], folder).split('\n').filter(Boolean);
    },
  ],
  [
    'zsh',
    (words) => {
      const line = words.map((word) => `'${word}'`).join(' ');
      // Outside of a line editor nothing offers; these print what they are told to offer, as far as it fits.
      const script = `autoload -U is-at-least
        fitting() { for each in "$@"; do [[ $each == "\${words[CURRENT]}"* ]] && print -r -- "$each"; done; true }
        compadd() { shift; fitting "$@" }
        _files() { fitting * }
        _describe() { local list=$2; fitting "\${(@)\${(P@)list}%%:*}" }
        complete_it() { local -a words; words=(${line}); local CURRENT=${words.length}; source ${folder}/completions/_vfio-isolate }
        complete_it`;
      return run('zsh', ['-f', '-c', script], folder).split('\n').filter(Boolean);
    },
  ],
  [
    'fish',
    (words) => {
      const script = `source ${folder}/completions/vfio-isolate.fish; complete -C '${words.join(' ')}'`;
      const lines = run('fish', ['--no-config', '-c', script], folder).split('\n').filter(Boolean);
      return lines.map((line) => line.split('\t')[0] ?? '');
    },
  ],
];

describe.each(shells)('completion for %s', (shell, complete) => {
  const test = isInstalled(shell) ? it : it.skip;
  const offered = (...words: string[]) => complete(['vfio-isolate', ...words]).sort();

  test('offers the commands', () => {
    expect(offered('')).toEqual([...commands].sort());
    expect(offered('-n', 'cpuset-')).toEqual(['cpuset-create', 'cpuset-delete', 'cpuset-modify']);
    expect(offered('drop-caches', 'comp')).toEqual(['compact-memory']);
  });

  test('offers the options of the run, and of a command', () => {
    expect(offered('--')).toEqual([...globalOptions.map(({ name }) => `--${name}`), '--help'].sort());
    expect(offered('cpuset-create', '--c')).toEqual(['--cpu-exclusive', '--cpus']);
    expect(offered('cpuset-create', '--no-c')).toEqual(['--no-cpu-exclusive']);
    expect(offered('move-tasks', '--')).toEqual(['--help']);
  });

  test('offers values, by what an argument or an option takes', () => {
    expect(offered('irq-affinity', '')).toEqual(['add', 'mask']);
    expect(offered('x3d-mode', 'f')).toEqual(['frequency']);
    expect(offered('irq-affinity', 'mask', 'C')).toEqual([expect.stringMatching(/^C\d/)]);
    expect(offered('cpuset-create', '--cpus', 'C')).toEqual([expect.stringMatching(/^C\d/)]);
    expect(offered('task-affinity', 'C0', String(process.pid))).toContain(String(process.pid));
  });

  test('offers files for an undo file', () => {
    expect(readdirSync(folder)).toContain('man');
    for (const words of [
      ['restore', 'm'],
      ['-u', 'm'],
      ['--undo-file', 'm'],
    ]) {
      expect(offered(...words).map((name) => name.replace(/\/$/, ''))).toContain('man');
    }
  });

  test('offers the next command once one has its arguments', () => {
    expect(offered('irq-affinity', 'mask', 'C0', 'comp')).toEqual(['compact-memory']);
    expect(offered('cpu-governor', 'performance', 'comp')).toEqual(['compact-memory']);
    expect(offered('cpuset-create', '--cpus', 'C0', '/x', 'comp')).toEqual(['compact-memory']);
    expect(offered('cpuset-create', '--cpus', 'C0', 'comp')).toEqual([]);
  });
});

test('every document is there', () => {
  expect(Object.keys(documents())).toHaveLength(4);
});

/** The installed command, as a process. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { afterAll, describe, expect, it } from 'vitest';
import { resultSchema } from '../../lib/cli/result.js';
import { packageVersion } from '../../lib/version.js';

const BIN = fileURLToPath(new URL('../../bin/vfio-isolate.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-'));
afterAll(() => rmSync(folder, { recursive: true }));

function node(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

const command = (...args: string[]) => node([BIN, ...args]);

/** The modules that a command line loads, as V8's coverage lists them: also where a pipe takes all output at once. */
function loadedBy(...args: string[]): string[] {
  const coverage = mkdtempSync(join(folder, 'coverage-'));
  const env = { ...process.env, NODE_V8_COVERAGE: coverage };
  spawnSync('sh', ['-c', '"$@" 2>&1 | cat', 'sh', process.execPath, BIN, ...args], { env });
  const files = readdirSync(coverage).map((name) => readFileSync(join(coverage, name), 'utf8'));
  const urls = files.flatMap((file): string[] => JSON.parse(file).result.map(({ url }: { url: string }) => url));
  return urls.filter((url) => url.startsWith('file:'));
}

describe('an old Node', () => {
  const source = readFileSync(BIN, 'utf8');

  it('gets a script of at most ten lines that it can parse', () => {
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
    const code = source.replace(/^\s*(#!|\/\/).*$/gm, '');
    expect(code).not.toMatch(/\bawait\b|\?\.|\?\?|^\s*(import|export)\s/m);
    const copy = join(folder, 'bin.cjs');
    writeFileSync(copy, source);
    expect(node(['--check', copy])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  /** Runs under another version's name. */
  function as(version: string) {
    const versions = `{ value: { ...process.versions, node: '${version}' } }`;
    const disguise = `Object.defineProperty(process, 'versions', ${versions});
      Object.defineProperty(process, 'version', { value: 'v${version}' });`;
    return node(['--import', `data:text/javascript,${encodeURIComponent(disguise)}`, BIN, '--version']);
  }

  it.each(['12.22.12', '18.20.8', '20.18.3', '21.7.3', '22.11.0'])('%s is told so in one line', (version) => {
    expect(as(version)).toEqual({
      status: 1,
      stdout: '',
      stderr: `vfio-isolate: Node.js v${version} will not do; install ^20.19 or >=22.12\n`,
    });
  });

  it.each(['20.19.0', '20.20.2', '22.12.0', '23.0.0', '24.0.0', '26.1.0'])('%s is none', (version) => {
    expect(as(version)).toEqual({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' });
  });
});

describe('--version', () => {
  it('prints the version', () => {
    for (const args of [['--version'], ['-v', '--version'], ['--version', 'bogus']]) {
      expect(command(...args)).toEqual({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' });
    }
  });

  it('loads neither commander, nor the engine, nor what loads the addon', () => {
    const inPackage = loadedBy('--version').map((url) => url.slice(url.lastIndexOf('/') + 1));
    expect(inPackage.sort()).toEqual(['main.cjs', 'vfio-isolate.js']);
    // So the list is one that would name what has them.
    for (const other of [['--help'], ['--json', 'bogus']])
      expect(loadedBy(...other).join('\n')).toContain('dist/command.cjs');
  });
});

describe('help', () => {
  it('is data where it was asked for', () => {
    const help = command('--help');
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help.stdout).toContain('Usage: vfio-isolate [OPTIONS] COMMAND1 [ARGS]... [COMMAND2 [ARGS]...]...\n');
    const ofCommand = command('cpuset-create', '--help');
    expect(ofCommand).toMatchObject({ status: 0, stderr: '' });
    expect(ofCommand.stdout).toContain('  -mm, --mem-migrate / -nmm, --no-mem-migrate');
    expect(command('demo', '--help').stdout).toContain('Usage: vfio-isolate demo\n');
  });

  it('is a usage error where nothing was asked for', () => {
    const nothing = command();
    expect(nothing).toMatchObject({ status: 2, stdout: '' });
    expect(nothing.stderr).toBe(command('--help').stdout);
  });
});

describe('a usage error', () => {
  it('is one line on stderr, and exit status 2', () => {
    expect(command('cpuset-craete', '/x')).toEqual({
      status: 2,
      stdout: '',
      stderr: "vfio-isolate: unknown command 'cpuset-craete'; did you mean cpuset-create?\n",
    });
    expect(command('drop-caches', '-n')).toEqual({
      status: 2,
      stdout: '',
      stderr:
        "vfio-isolate: drop-caches: '-n' is an option of the whole run; " +
        'put it before the first command: vfio-isolate -n ...\n',
    });
  });

  it('is one line of limited length, the remedy at its end', () => {
    const { stderr } = command('\u0001'.repeat(100_000));
    expect(stderr).toMatch(/^vfio-isolate: unknown command '(\\u0001)+\.\.\.; see vfio-isolate --help\n$/);
    expect(stderr.length).toBeLessThan(6 * 5000 + 100);
  });

  it('has a stack with -d alone', () => {
    for (const flag of ['-d', '-vd', '--debug']) expect(command(flag, 'bogus').stderr).toContain('    at ');
    expect(command('bogus').stderr).not.toContain('    at ');
  });

  it.each([
    ['first', ['--json', 'bogus']],
    ['late', ['drop-caches', '--json']],
    ['behind what cannot be parsed', ['--bogus', '--json', 'drop-caches']],
  ])('is JSON where --json stands %s', (_, args) => {
    const { status, stdout, stderr } = command(...args);
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
    const result = v.parse(resultSchema, JSON.parse(stdout));
    expect(result).toMatchObject({ ok: false, exitCode: 2, error: { code: 'ERR_USAGE' } });
  });
});

describe('a dry run', () => {
  it('prints its plan as data', () => {
    const { status, stdout, stderr } = command('-n', 'drop-caches', 'compact-memory');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/drop_caches/);
    expect(stdout).toMatch(/compact_memory/);
  });

  it.each([
    [0, ['drop-caches']],
    [1, ['drop-caches', 'restore', '/nonexistent/undo']],
    [2, ['drop-caches', 'irq-affinity', 'mask', 'bogus']],
  ])('prints JSON that fits the schema (exit status %i)', (exitCode, chain) => {
    const { status, stdout, stderr } = command('--json', '-n', ...chain);
    expect({ status, stderr }).toEqual({ status: exitCode, stderr: '' });
    const printed = JSON.parse(stdout);
    expect(v.parse(resultSchema, printed)).toEqual(printed);
    expect(printed).toMatchObject({ ok: exitCode === 0, exitCode, dryRun: true });
    expect(printed.commands[0].changes).not.toEqual([]);
  });
});

/** V8's code cache beside the script of the command line, in a copy of the package. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HEADER } from '../../lib/cli/code-cache.js';

const ROOT = join(import.meta.dirname, '../..');
const NOBODY = 65534;
const isRoot = process.geteuid?.() === 0;

let copy: string;
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'vfio-isolate-'));
  chmodSync(copy, 0o755);
  for (const path of ['bin', 'dist/main.cjs', 'dist/command.cjs', 'package.json', 'binding.gyp', 'build/Release']) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  }
});
afterEach(() => rmSync(copy, { recursive: true }));

const folder = () => join(copy, 'dist/cache');
const file = () => join(folder(), `command.cjs-${process.version}-${process.arch}`);

/** What runs the cache was taken from. */
const parts = () => readFileSync(file(), 'latin1').slice(0, HEADER).trimEnd().split(' ').slice(1).sort();

/** The file with something done to its data, which stands in it twice. */
function patched(bytes: Buffer, patch: (half: Buffer, which: number) => unknown): Buffer {
  const half = (bytes.length - HEADER) / 2;
  for (const which of [0, 1]) patch(bytes.subarray(HEADER + which * half, HEADER + (which + 1) * half), which);
  return bytes;
}

function command(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, 'bin/vfio-isolate.js'), ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

const plan = () => command('-n', 'drop-caches');
const planned = { status: 0, stdout: expect.stringContaining('drop_caches'), stderr: '' };

describe('the code cache', () => {
  it('is written by the first start, and used by the next', () => {
    expect(plan()).toEqual(planned);
    const { ino, mtimeMs } = statSync(file());
    expect(plan()).toEqual(planned);
    expect(statSync(file())).toMatchObject({ ino, mtimeMs });
    expect(readdirSync(folder())).toHaveLength(1);
  });

  it('is of one script, and not of another of the same length', () => {
    expect(command('--help').stdout).toContain('Usage: ');
    const script = join(copy, 'dist/command.cjs');
    writeFileSync(script, readFileSync(script, 'utf8').replaceAll('Usage: ', 'USAGE: '));
    expect(command('--help').stdout).toContain('USAGE: ');
    expect(plan()).toEqual(planned);
  });

  it('is left alone by a run with other flags', () => {
    plan();
    const { ino } = statSync(file());
    const flagged = spawnSync(process.execPath, [
      '--stack-trace-limit=50',
      join(copy, 'bin/vfio-isolate.js'),
      '--help',
    ]);
    expect(flagged.status).toBe(0);
    expect(statSync(file()).ino).toBe(ino);
  });

  it('is for its owner alone to write, whatever the umask', () => {
    const script = 'umask 0; exec "$0" "$1" -n drop-caches';
    const { status } = spawnSync('/bin/sh', ['-c', script, process.execPath, join(copy, 'bin/vfio-isolate.js')]);
    expect(status).toBe(0);
    for (const path of [folder(), file()]) expect(statSync(path).mode & 0o022).toBe(0);
  });

  it('that others may have written is neither run nor written', () => {
    plan();
    const { ino } = statSync(file());
    // What it was taken from would have this output anyway; that it is not used shows in its being made anew, or not.
    chmodSync(folder(), 0o777);
    expect(plan()).toEqual(planned);
    expect(statSync(file()).ino).toBe(ino);
    expect(command('--help').status).toBe(0);
    expect(parts()).toEqual(['-n', 'drop-caches']);
    chmodSync(folder(), 0o755);
    chmodSync(file(), 0o666);
    expect(plan()).toEqual(planned);
    expect(statSync(file()).mode & 0o022).toBe(0);
  });

  it.skipIf(!isRoot)('of another user is not run: it is made anew', () => {
    plan();
    chownSync(file(), NOBODY, NOBODY);
    expect(plan()).toEqual(planned);
    expect(statSync(file()).uid).toBe(0);
  });

  it.skipIf(!isRoot)('that does not fit on the disk leaves nothing', () => {
    mkdirSync(folder());
    const script = 'mount -t tmpfs -o size=100k,mode=755 none "$2" && "$0" "$1" -n drop-caches && ls "$2"';
    const words = ['--mount', '--propagation', 'private', '/bin/sh', '-c', script, process.execPath];
    const { stdout, status } = spawnSync('unshare', [...words, join(copy, 'bin/vfio-isolate.js'), folder()], {
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/drop_caches/);
    expect(stdout).not.toMatch(/command\.cjs/);
  });

  it('comes to hold whatever is run, for good', () => {
    plan();
    expect(parts()).toEqual(['-n', 'drop-caches']);
    command('--help');
    expect(parts()).toEqual(['--help', '-n', 'drop-caches']);
    command('-n', 'compact-memory', 'drop-caches', 'restore', '/nonexistent');
    expect(parts()).toEqual(['--help', '-n', 'compact-memory', 'drop-caches', 'restore']);
    const { ino } = statSync(file());
    expect(plan()).toEqual(planned);
    expect(statSync(file()).ino).toBe(ino);
  });

  it('holds a script that still finds what it loads late', () => {
    for (const _ of ['compiled', 'cached']) {
      expect(command('demo')).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('Nothing remains'),
        stderr: '',
      });
    }
  });

  it.each([
    ['empty', () => Buffer.alloc(0)],
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['too long', (bytes: Buffer) => Buffer.concat([bytes, bytes])],
    ['text', () => Buffer.from('no cache\n-n drop-caches')],
    ['of another V8', (bytes: Buffer) => patched(bytes, (half) => half.fill(1, 0, 8))],
    ['wrong in a block', (bytes: Buffer) => patched(bytes, (half, which) => which || half.fill(255, 4096, 8192))],
    ['wrong from somewhere on', (bytes: Buffer) => patched(bytes, (half, which) => which && half.fill(0, 5000))],
  ])('that is %s is passed over, and replaced', (_, spoil) => {
    plan();
    const good = readFileSync(file());
    writeFileSync(file(), spoil(good));
    expect(plan()).toEqual(planned);
    expect(readFileSync(file()).length).toBeGreaterThan(good.length / 2 + 1);
    const { ino } = statSync(file());
    expect(plan()).toEqual(planned);
    expect(statSync(file()).ino).toBe(ino);
  });

  it('is made anew where something else has its name', () => {
    plan();
    const elsewhere = join(copy, 'elsewhere');
    for (const [make, ...words] of [
      ['mkfifo', file()],
      ['ln', '-s', elsewhere, file()],
      ['truncate', '-s', '3G', file()],
    ] as const) {
      cpSync(file(), elsewhere);
      rmSync(file());
      expect(spawnSync(make, words).status).toBe(0);
      expect(plan()).toEqual(planned);
      expect(lstatSync(file()).isFile()).toBe(true);
      expect(parts()).toEqual(['-n', 'drop-caches']);
    }
  });

  it('is not missed where it cannot be written', () => {
    writeFileSync(folder(), '');
    expect(plan()).toEqual(planned);
    rmSync(folder());
    symlinkSync('/proc/self/nowhere', folder());
    expect(plan()).toEqual(planned);
  });

  it('holds a script that tells of an addon that cannot be loaded', () => {
    rmSync(join(copy, 'build'), { recursive: true });
    for (const words of [['drop-caches'], ['-n', 'drop-caches']]) {
      const { status, stdout, stderr } = command(...words);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(
        /^vfio-isolate: .*the native addon cannot be loaded: .*; run `npm run build` in the checkout\n$/,
      );
    }
    expect(command('--help')).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('Usage:') });
  });

  it('takes away what a killed run has left', () => {
    mkdirSync(folder());
    writeFileSync(`${file()}.1.partial`, 'half');
    plan();
    expect(readdirSync(folder())).toHaveLength(1);
    expect(existsSync(file())).toBe(true);
  });

  it('is whole, however many write it at once', async () => {
    const runs = Array.from({ length: 8 }, () =>
      spawn(process.execPath, [join(copy, 'bin/vfio-isolate.js'), '-n', 'drop-caches'], { stdio: 'ignore' }),
    );
    for (const [status] of await Promise.all(runs.map((run) => once(run, 'exit')))) expect(status).toBe(0);
    expect(plan()).toEqual(planned);
    const { ino } = statSync(file());
    expect(plan()).toEqual(planned);
    expect(statSync(file()).ino).toBe(ino);
    expect(readdirSync(folder())).toHaveLength(1);
  });

  it.skipIf(!isRoot)('is not written into a folder of another user, also by root', () => {
    chownSync(join(copy, 'dist'), NOBODY, NOBODY);
    expect(plan()).toEqual(planned);
    expect(existsSync(folder())).toBe(false);
  });

  it.skipIf(!isRoot)('is used by others than its owner, and left alone', () => {
    plan();
    const { ino } = statSync(file());
    const { status } = spawnSync(process.execPath, [join(copy, 'bin/vfio-isolate.js'), '--help'], { uid: NOBODY });
    expect(status).toBe(0);
    expect(statSync(file()).ino).toBe(ino);
    expect(parts()).toEqual(['-n', 'drop-caches']);
  });
});

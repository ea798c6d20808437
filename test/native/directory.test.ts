/** Nothing that a Directory does leads out of it, with openat2(2) or without. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { notInPlace } from '../support/scratch.js';
import { type Answer, addon, inChild, strace } from './addon.js';

const TMPFS_MAGIC = 0x01021994;
const PROC_SUPER_MAGIC = 0x9fa0;
const [ENOENT, EBUSY, EEXIST, EXDEV, ENOTDIR, EISDIR, EINVAL, ENOTEMPTY, ELOOP] = [
  -2, -16, -17, -18, -20, -21, -22, -39, -40,
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
  mkdirSync(join(folder, 'root/sub/deep'), { recursive: true });
  mkdirSync(join(folder, 'outside/empty'), { recursive: true });
  writeFileSync(join(folder, 'outside/secret'), 'secret');
  writeFileSync(join(folder, 'root/sub/file'), 'text');
  symlinkSync(join(folder, 'outside'), join(folder, 'root/away'));
  symlinkSync('file', join(folder, 'root/sub/near'));
  symlinkSync('sub', join(folder, 'root/inside'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Path by path, what reading answers. */
const READS: [path: string, answer: Answer][] = [
  ['sub/file', { value: 'text' }],
  ['./sub//./file', { value: 'text' }],
  ['../../../../../../etc', { errno: EXDEV, syscall: 'open' }],
  ['../outside/secret', { errno: EXDEV, syscall: 'open' }],
  ['sub/../sub/file', { errno: EXDEV, syscall: 'open' }],
  ['/etc/passwd', { errno: EXDEV, syscall: 'open' }],
  ['away/secret', { errno: ELOOP, syscall: 'open' }],
  ['away', { errno: ELOOP, syscall: 'open' }],
  ['inside/file', { errno: ELOOP, syscall: 'open' }],
  ['sub/near', { errno: ELOOP, syscall: 'open' }],
  ['sub/file/', { errno: ENOTDIR, syscall: 'open' }],
  ['sub/file/x', { errno: ENOTDIR, syscall: 'open' }],
  ['nowhere/file', { errno: ENOENT, syscall: 'open' }],
  ['', { errno: ENOENT, syscall: 'open' }],
  ['sub', { errno: EISDIR, syscall: 'read' }],
  ['.', { errno: EISDIR, syscall: 'read' }],
  ['x'.repeat(5000), { errno: -36, syscall: 'open' }],
];

/** Directories made and removed, in this order. */
const CHANGES: ['makeDirectory' | 'removeDirectory', path: string, answer: Answer][] = [
  ['makeDirectory', 'new', {}],
  ['makeDirectory', 'sub/new/', {}],
  ['makeDirectory', 'sub/new', { errno: EEXIST, syscall: 'mkdir' }],
  ['makeDirectory', '../new', { errno: EXDEV, syscall: 'mkdir' }],
  ['makeDirectory', 'sub/../../new', { errno: EXDEV, syscall: 'mkdir' }],
  ['makeDirectory', '/new', { errno: EXDEV, syscall: 'mkdir' }],
  ['makeDirectory', 'away/new', { errno: ELOOP, syscall: 'mkdir' }],
  ['makeDirectory', 'sub/..', { errno: EXDEV, syscall: 'mkdir' }],
  ['makeDirectory', '.', { errno: EINVAL, syscall: 'mkdir' }],
  ['makeDirectory', '', { errno: ENOENT, syscall: 'mkdir' }],
  ['makeDirectory', 'nowhere/new', { errno: ENOENT, syscall: 'mkdir' }],
  ['removeDirectory', 'sub/new', {}],
  ['removeDirectory', 'new', {}],
  ['removeDirectory', 'new', { errno: ENOENT, syscall: 'rmdir' }],
  ['removeDirectory', 'sub', { errno: ENOTEMPTY, syscall: 'rmdir' }],
  ['removeDirectory', 'away/empty', { errno: ELOOP, syscall: 'rmdir' }],
  ['removeDirectory', 'inside', { errno: ENOTDIR, syscall: 'rmdir' }],
  ['removeDirectory', '../outside/empty', { errno: EXDEV, syscall: 'rmdir' }],
  ['removeDirectory', '/', { errno: EXDEV, syscall: 'rmdir' }],
];

const SCRIPT = `
  const directory = new addon.Directory(args[0]);
  const answers = [];
  for (const [call, ...rest] of JSON.parse(args[1])) answers.push(await attempt(() => directory[call](...rest)));
  return answers;`;

const calls = [
  ...READS.map(([path]) => ['read', path]),
  ...CHANGES.map(([call, path]) => [call, path]),
  ['write', 'away/secret', 'gone'],
  ['write', '../outside/secret', 'gone'],
  ['write', 'sub/near', 'gone'],
  ['write', 'sub/file', 'new!'],
  ['read', 'sub/file'],
];
const answers: Answer[] = [
  ...READS.map(([, answer]) => answer),
  ...CHANGES.map(([, , answer]) => answer),
  { errno: ELOOP, syscall: 'open' },
  { errno: EXDEV, syscall: 'open' },
  { errno: ELOOP, syscall: 'open' },
  {},
  { value: 'new!' },
];

describe.each(['openat2 at work', 'ENOSYS', 'EPERM', 'EINVAL'])('%s', (error) => {
  test('gives just these answers, and what lies outside stays as it was', () => {
    const log = join(folder, 'strace');
    const inject = error.startsWith('E') ? ['-e', `inject=openat2:error=${error}`] : [];
    const got = inChild<Answer[]>(
      SCRIPT,
      [join(folder, 'root'), JSON.stringify(calls)],
      strace(log, 'openat2', ...inject),
    );
    for (const [index, call] of calls.entries()) expect([call, got[index]]).toEqual([call, answers[index]]);
    expect(readFileSync(join(folder, 'outside/secret'), 'utf8')).toBe('secret');
    expect(readFileSync(log, 'utf8')).toMatch(
      error.startsWith('E') ? new RegExp(`${error} .*INJECTED`) : /openat2\(.* = \d+/,
    );
  });
});

describe.skipIf(notInPlace)(`mounts beneath (${notInPlace ?? 'in a mount namespace of its own'})`, () => {
  // One of another file system, and one of the same: a bind mount.
  const mount =
    'mount -t tmpfs none "$0/root/sub/deep"; mkdir "$0/root/bound"; mount --bind "$0/outside" "$0/root/bound"; exec "$@"';

  test.each(['openat2 at work', 'ENOSYS'])('are not entered: %s', (error) => {
    const inject = error.startsWith('E') ? ['-e', 'inject=openat2:error=ENOSYS'] : [];
    const inNamespace = ['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c', mount, folder];
    const calls = [
      ['read', 'sub/deep/x'],
      ['read', 'sub/deep'],
      ['read', 'bound/secret'],
      ['write', 'bound/secret', 'gone'],
      ['makeDirectory', 'sub/deep/new'],
      ['removeDirectory', 'bound/empty'],
      ['removeDirectory', 'bound'],
      ['read', 'sub/file'],
    ];
    const wrapper = [...inNamespace, ...strace(join(folder, 'strace'), 'openat2', ...inject)];
    const got = inChild<Answer[]>(SCRIPT, [join(folder, 'root'), JSON.stringify(calls)], wrapper);
    expect(got).toEqual([
      ...['open', 'open', 'open', 'open', 'mkdir', 'rmdir'].map((syscall) => ({ errno: EXDEV, syscall })),
      { errno: EBUSY, syscall: 'rmdir' },
      { value: 'text' },
    ]);
    expect(readFileSync(join(folder, 'outside/secret'), 'utf8')).toBe('secret');
  });
});

describe('opening', () => {
  test('confirms the type by statfs, and is EXDEV where it is another', () => {
    expect(() => new addon.Directory('/proc', TMPFS_MAGIC)).toThrow(expect.objectContaining({ errno: EXDEV }));
    new addon.Directory('/proc', PROC_SUPER_MAGIC).close();
  });

  test('takes a directory only', () => {
    const file = join(folder, 'root/sub/file');
    expect(() => new addon.Directory(file)).toThrow(expect.objectContaining({ errno: ENOTDIR, path: file }));
  });

  test('holds what it opened, though its name becomes another', () => {
    const directory = new addon.Directory(join(folder, 'root/sub'));
    rmSync(join(folder, 'root'), { recursive: true });
    mkdirSync(join(folder, 'root/sub'), { recursive: true });
    writeFileSync(join(folder, 'root/sub/file'), 'another');
    expect(() => directory.read('file')).toThrow(expect.objectContaining({ errno: ENOENT }));
    expect(directory.path).toBe(join(folder, 'root/sub'));
  });
});

describe('a write', () => {
  const write = (value: string, ...inject: string[]): { answer: Answer; log: string } => {
    const log = join(folder, 'strace');
    const file = join(folder, 'root/sub/file');
    const script = `const directory = new addon.Directory(args[0]);
      return attempt(() => directory.write('sub/file', args[1]));`;
    const wrapper = strace(log, 'write', '-P', file, ...inject.flatMap((fault) => ['-e', `inject=write:${fault}`]));
    const answer = inChild(script, [join(folder, 'root'), value], wrapper);
    return { answer, log: readFileSync(log, 'utf8') };
  };

  test('is one call, whatever its length', () => {
    const { answer, log } = write('0-3,'.repeat(20_000));
    expect(answer).toEqual({});
    expect(log.match(/write\(/g)).toHaveLength(1);
  });

  test('is repeated whole when a signal interrupts it', () => {
    const { answer, log } = write('0-3', 'error=EINTR:when=1..2');
    expect(answer).toEqual({});
    expect(log.match(/write\(.*"0-3", 3\)/g)).toHaveLength(3);
  });

  test('that is short is EIO, and not continued', () => {
    const { answer, log } = write('0-3', 'retval=2:when=1');
    expect(answer).toEqual({ errno: -5, syscall: 'write' });
    expect(log.match(/write\(/g)).toHaveLength(1);
  });
});

test('a read is whole, in however many pieces it comes', () => {
  const long = 'ä'.repeat(200_000);
  writeFileSync(join(folder, 'root/long'), long);
  expect(new addon.Directory(join(folder, 'root')).read('long')).toBe(long);
});

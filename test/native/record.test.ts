import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { notInPlace } from '../support/scratch.js';
import { type Answer, addon, inChild, strace } from './addon.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
  file = join(folder, 'record');
  writeFileSync(file, 'kept\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Opens the file, appends what is said behind "kept", and gives the answer and what the file then holds. */
const APPEND = `
  const fs = require('node:fs');
  const [file, length] = args;
  const fd = fs.openSync(file, 'r+');
  const answer = await attempt(() => addon.append(fd, 5, Buffer.alloc(Number(length), 'x')));
  return { answer, size: fs.fstatSync(fd).size };`;

interface Appended {
  readonly answer: Answer;
  readonly size: number;
}

describe('append', () => {
  test('puts the data at the offset, durably, and gives the new length', async () => {
    const fd = openSync(file, 'r+');
    expect(await addon.append(fd, 5, Buffer.from('one\n'))).toBe(9);
    expect(await addon.append(fd, 9, Buffer.from('two\n'))).toBe(13);
    closeSync(fd);
    expect(readFileSync(file, 'utf8')).toBe('kept\none\ntwo\n');
  });

  test('takes its own copy of the data', async () => {
    const fd = openSync(file, 'r+');
    const data = Buffer.alloc(1_000_000, 'a');
    const appended = addon.append(fd, 5, data);
    data.fill('b');
    await appended;
    closeSync(fd);
    expect(readFileSync(file, 'utf8')).toBe(`kept\n${'a'.repeat(1_000_000)}`);
  });

  test('syncs after it has written, and before it answers', () => {
    const log = join(folder, 'strace');
    inChild(APPEND, [file, '100'], strace(log, 'pwrite64,fdatasync,ftruncate', '-P', file));
    expect(readFileSync(log, 'utf8').match(/\w+(?=\()/g)).toEqual(['pwrite64', 'fdatasync']);
  });

  test.each([
    ['a write refused', ['inject=pwrite64:error=ENOSPC'], { errno: -28, syscall: 'pwrite' }],
    ['a sync refused', ['inject=fdatasync:error=EIO'], { errno: -5, syscall: 'fdatasync' }],
    ['a short write', ['inject=pwrite64:retval=7:when=1'], { errno: -5, syscall: 'pwrite' }],
  ])('%s is cut back', (_name, faults, answer) => {
    const wrapper = strace(
      join(folder, 'strace'),
      'pwrite64,fdatasync',
      '-P',
      file,
      ...faults.flatMap((fault) => ['-e', fault]),
    );
    expect(inChild<Appended>(APPEND, [file, '100'], wrapper)).toEqual({ answer, size: 5 });
    expect(readFileSync(file, 'utf8')).toBe('kept\n');
  });

  test('is repeated where a signal interrupts it', () => {
    const faults = ['-e', 'inject=pwrite64,fdatasync:error=EINTR:when=1..2'];
    const wrapper = strace(join(folder, 'strace'), 'pwrite64,fdatasync', '-P', file, ...faults);
    expect(inChild<Appended>(APPEND, [file, '100'], wrapper)).toEqual({ answer: { value: 105 }, size: 105 });
  });

  test('a file that may not grow so far (RLIMIT_FSIZE) is cut back, and the reason is the real one', () => {
    const limited = ['/bin/sh', '-c', 'ulimit -f 8; exec "$@"', 'sh'];
    expect(inChild<Appended>(APPEND, [file, '100000'], limited)).toEqual({
      answer: { errno: -27, syscall: 'pwrite' },
      size: 5,
    });
  });

  test.skipIf(notInPlace)(`a full disk is cut back (${notInPlace ?? 'a small tmpfs'})`, () => {
    const mount = 'mount -t tmpfs -o size=64k none "$0"; printf "kept\\n" > "$0/record"; exec "$@"';
    const wrapper = ['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c', mount, folder];
    expect(inChild<Appended>(APPEND, [file, '100000'], wrapper)).toEqual({
      answer: { errno: -28, syscall: 'pwrite' },
      size: 5,
    });
  });

  test('what cannot be written at all is refused', async () => {
    const fd = openSync(file, 'r');
    await expect(addon.append(fd, 5, Buffer.from('x'))).rejects.toMatchObject({ code: 'EBADF', syscall: 'pwrite' });
    closeSync(fd);
  });
});

describe('lock', () => {
  const TRY = `const fs = require('node:fs'); return addon.lock(fs.openSync(args[0], 'r+'));`;

  test('is had by one process at a time, until the descriptor closes', () => {
    const fd = openSync(file, 'r+');
    expect(addon.lock(fd)).toBe(true);
    expect(addon.lock(fd)).toBe(true);
    expect(inChild(TRY, [file])).toBe(false);
    closeSync(fd);
    expect(inChild(TRY, [file])).toBe(true);
  });

  test('is had by one open file of a process at a time', () => {
    const [one, other] = [openSync(file, 'r+'), openSync(file, 'r+')];
    expect([addon.lock(one), addon.lock(other)]).toEqual([true, false]);
    closeSync(one);
    expect(addon.lock(other)).toBe(true);
    closeSync(other);
  });

  test('of a descriptor that is not open is EBADF', () => {
    expect(() => addon.lock(2 ** 20)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'flock' }));
  });
});

describe('memoryFile', () => {
  const EINVAL_ONCE = 'inject=memfd_create:error=EINVAL:when=1';
  const MAKE = `const fs = require('node:fs'); const fd = addon.memoryFile();
    fs.writeSync(fd, 'text'); return fs.readlinkSync('/proc/self/fd/' + fd) + fs.readFileSync('/proc/self/fd/' + fd);`;

  test('is an unnamed file that is not left to child processes', () => {
    const fd = addon.memoryFile();
    writeSync(fd, 'text');
    expect(fstatSync(fd)).toMatchObject({ size: 4, nlink: 0 });
    expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).toMatch(/flags:\s+02\d{6}\b/); // O_CLOEXEC
    closeSync(fd);
  });

  test('is had from a kernel that knows no seal against execution, too', () => {
    const log = join(folder, 'strace');
    expect(inChild(MAKE, [], strace(log, 'memfd_create', '-e', EINVAL_ONCE))).toBe('/memfd:vfio-isolate (deleted)text');
    expect(readFileSync(log, 'utf8')).toMatch(/EINVAL.*\n.*memfd_create\("vfio-isolate", MFD_CLOEXEC\) = \d+/);
  });
});

/** Processes of the addon's own, for calls that may hang. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addon, inChild, strace } from './addon.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, value: string) => {
  const directory = new addon.Directory(folder);
  try {
    return directory.writeApart(name, value);
  } finally {
    directory.close();
  }
};

const ended = async (pid: number) => {
  for (;;) {
    const errno = addon.endedApart(pid);
    if (errno !== undefined) return errno;
    await delay(5);
  }
};

/** A pipe with a name that is full: whoever writes to it waits. @returns its descriptor */
function fullPipe(name: string): number {
  const path = join(folder, name);
  spawnSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const block = Buffer.alloc(4096);
  try {
    for (;;) writeSync(fd, block);
  } catch {
    return fd;
  }
}

describe('a process apart', () => {
  test('writes a value at once', async () => {
    const log = join(folder, 'strace');
    writeFileSync(join(folder, 'file'), 'longer');
    const script = `
      const pid = new addon.Directory(args[0]).writeApart('file', '3');
      while (addon.endedApart(pid) === undefined) await new Promise((go) => setTimeout(go, 5));
      return pid;`;
    const pid = inChild<number>(script, [folder], strace(log, 'write,setsid'));
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('3onger');
    expect(readFileSync(log, 'utf8')).toMatch(
      new RegExp(`^${pid} +setsid\\(\\) += ${pid}\\n(.*\\n)*?${pid} +write\\(0, "3", 1\\)`, 'm'),
    );
  });

  test('syncs', () => {
    const log = join(folder, 'strace');
    const script = `
      const pid = addon.syncApart();
      while (addon.endedApart(pid) === undefined) await new Promise((go) => setTimeout(go, 5));
      return pid;`;
    const pid = inChild<number>(script, [], strace(log, 'sync', '-e', 'inject=sync:retval=0'));
    expect(readFileSync(log, 'utf8')).toMatch(new RegExp(`^${pid} +sync\\(\\) += 0`, 'm'));
  });

  test('tells of the errno', async () => {
    const script = `
      const pid = new addon.Directory('/dev').writeApart('full', '1');
      for (;;) {
        const errno = addon.endedApart(pid);
        if (errno !== undefined) return errno;
        await new Promise((go) => setTimeout(go, 5));
      }`;
    expect(inChild<number>(script, [])).toBe(-28);
  });

  test('is not begun for a file that is not there', () => {
    expect(() => write('nowhere', '1')).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'open' }));
  });

  test('has no descriptor of ours but that file, and none of our signals; killed, it is known as killed', async () => {
    const pipe = fullPipe('pipe');
    const onTerm = () => {};
    process.on('SIGTERM', onTerm);
    try {
      const pid = write('pipe', '1');
      expect(addon.endedApart(pid)).toBeUndefined();
      await expect.poll(() => readdirSync(`/proc/${pid}/fd`)).toEqual(['0']);
      expect(readlinkSync(`/proc/${pid}/fd/0`)).toBe(join(folder, 'pipe'));
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      expect(status).toMatch(/^SigBlk:\s0+$/m);
      expect(status).toMatch(/^SigCgt:\s[0-9a-f]{8}0{8}$/m);
      process.kill(pid, 'SIGTERM');
      expect(await ended(pid)).toBe(-4);
      expect(() => addon.endedApart(pid)).toThrow(expect.objectContaining({ errno: -10, syscall: 'waitid' }));
    } finally {
      process.off('SIGTERM', onTerm);
      closeSync(pipe);
    }
  });
});

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { addon, child, inChild } from './addon.js';

const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('writing without waiting', () => {
  test('puts into a pipe what it takes, and no more', () => {
    const file = join(folder, 'fifo');
    expect(spawnSync('mkfifo', [file]).status).toBe(0);
    // Opened for reading too, so that neither end waits for the other. In a process with a limit: it may wait for good.
    const fill = `
      const fd = require('node:fs').openSync(args[0], 'r+');
      const chunk = new Uint8Array(10000).fill(65);
      let taken = 0;
      for (let put = -1; put !== 0; taken += put) put = addon.writeWithoutWaiting(fd, chunk);
      return taken;`;
    // A kernel that cannot tell of a pipe leaves all of it to a stream.
    expect([0, 65_536]).toContain(inChild(fill, [file]));
  });

  test('is nothing where the file is closed, or cannot be written', () => {
    const fd = openSync('/dev/null', 'r');
    expect(addon.writeWithoutWaiting(fd, new Uint8Array(1))).toBe(0);
    closeSync(fd);
    expect(addon.writeWithoutWaiting(2 ** 20, new Uint8Array(1))).toBe(0);
    const full = openSync('/dev/full', 'w');
    expect(addon.writeWithoutWaiting(full, new Uint8Array(1))).toBe(0);
    closeSync(full);
  });

  test('goes on from where a file is', () => {
    const file = join(folder, 'out');
    const fd = openSync(file, 'w');
    const bytes = Buffer.from('one two');
    let at = 0;
    for (const end of [4, 7]) {
      const put = addon.writeWithoutWaiting(fd, bytes.subarray(at, end));
      if (put === 0) break;
      at += put;
    }
    closeSync(fd);
    expect(readFileSync(file, 'utf8')).toBe('one two'.slice(0, at));
  });
});

describe('ending the process', () => {
  test('is at once, with its status', () => {
    const end = `
      process.on('exit', () => console.log('not reached'));
      addon.endProcess(Number(args[0]));`;
    for (const status of [0, 3, 130]) expect(child(end, [`${status}`])).toMatchObject({ status, stdout: '' });
  });

  test('takes a status, or throws', () => {
    for (const wrong of [undefined, '0', 0.5, -1, 2 ** 31]) expect(() => addon.endProcess(wrong as number)).toThrow();
  });
});

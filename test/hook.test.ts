/** The README's hook, with a stand-in for the command, in a folder that stands in for /run. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readmeBlock } from './support/readme.js';

const hook = readmeBlock('In a libvirt hook', 0);
const line = readmeBlock('In a libvirt hook', 1);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-hook-'));
  install('hook', hook.replaceAll('/run/', `${folder}/`));
  standIn('');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function install(name: string, script: string): void {
  writeFileSync(join(folder, name), script);
  chmodSync(join(folder, name), 0o755);
}

/** Logs its first and its last words, and does as told. */
const standIn = (then: string) =>
  install('vfio-isolate', `#!/bin/sh\nfor last; do :; done; echo "$1 $last" >>${folder}/log\n${then}\n`);

const env = () => ({ LC_ALL: 'C', PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin` });
const run = (...words: string[]) =>
  spawnSync(join(folder, 'hook'), [...words, 'begin', '-'], { encoding: 'utf8', env: env(), timeout: 5000 });
const done = { status: 0, stdout: '', stderr: '' };
const log = () => readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(0, -1);
const restored = () => `restore ${folder}/vfio-isolate-hook.undo`;

describe("the README's hook", () => {
  test('isolates before a guest, and restores after it', () => {
    expect(run('a b', 'prepare')).toMatchObject(done);
    expect(run('a b', 'start')).toMatchObject(done);
    expect(run('a b', 'release')).toMatchObject(done);
    expect(log()).toEqual(['-u 2', restored()]);
  });

  test('prepared twice restores once, released twice does nothing more', () => {
    for (const operation of ['prepare', 'prepare', 'release', 'release']) {
      expect(run('a', operation)).toMatchObject(done);
    }
    expect(log()).toEqual(['-u 2', '-u 2', restored()]);
  });

  test('restores after the last of several guests, one of which has failed to start', () => {
    run('a', 'prepare');
    standIn('exit 1');
    expect(run('b', 'prepare').status).toBe(1);
    standIn('');
    expect(run('b', 'release')).toMatchObject(done);
    run('c', 'prepare');
    run('a', 'release');
    expect(log()).not.toContain(restored());
    expect(run('c', 'release')).toMatchObject(done);
    expect(log().at(-1)).toBe(restored());
  });

  test('has a guest begin after the restore that is under way, and waits for no isolation', async () => {
    run('a', 'prepare');
    standIn(
      `case "$1" in restore) until [ -e ${folder}/go ]; do sleep 0.05; done; echo restored >>${folder}/log; esac`,
    );
    const release = spawn(join(folder, 'hook'), ['a', 'release'], { env: env() });
    await vi.waitFor(() => expect(log()).toContain(restored()));
    const prepare = spawn(join(folder, 'hook'), ['b', 'prepare'], { env: env() });
    const ends = [once(release, 'exit'), once(prepare, 'exit')];
    await new Promise((resolve) => setTimeout(resolve, 300));
    writeFileSync(join(folder, 'go'), '');
    await Promise.all(ends);
    expect(log()).toEqual(['-u 2', restored(), 'restored', '-u 2']);
    expect(readdirSync(join(folder, 'vfio-isolate-guests'))).toEqual(['b']);

    standIn(`case "$1" in -u) until [ -e ${folder}/go ]; do sleep 0.05; done; esac`);
    rmSync(join(folder, 'go'));
    const slow = spawn(join(folder, 'hook'), ['c', 'prepare'], { env: env() });
    await vi.waitFor(() => expect(existsSync(join(folder, 'vfio-isolate-guests', 'c'))).toBe(true));
    expect(run('b', 'release')).toMatchObject(done);
    writeFileSync(join(folder, 'go'), '');
    expect(await once(slow, 'exit')).toEqual([0, null]);
  });

  test("has a line for somebody else's script, which runs the command by /usr/bin/env", () => {
    expect(hook).toContain(line.trim());
    const script = `${line}type -t vfio-isolate; vfio-isolate restore 'a b'`;
    const { stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8', env: env(), timeout: 5000 });
    expect([stdout, log()]).toEqual(['function\n', ['restore a b']]);
    expect(line).toContain('/usr/bin/env ');
  });
});

/** Output that is slow, or cannot be written at all, and signals: each in a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPTED = fileURLToPath(new URL('scripted.js', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Whether the run ended of its own accord. */
const isDone = () => existsSync(join(folder, 'done'));

type Child = ChildProcessByStdio<null, Readable, Readable>;

function start(script: string, args: readonly string[]): Child {
  const env = { ...process.env, SCRIPT: script, DONE: join(folder, 'done') };
  return spawn(process.execPath, [SCRIPTED, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The exit status, or the signal that killed it. */
async function ended(child: Child): Promise<number | string> {
  const [status, signal] = await once(child, 'exit');
  return status ?? signal;
}

describe('output', () => {
  it('is drained before the process ends, however slowly it is read', async () => {
    const child = start('flood', ['-n', 'go']);
    await expect.poll(isDone, { timeout: 20_000 }).toBe(true);
    const [stdout, status] = await Promise.all([text(child.stdout), ended(child)]);
    expect(status).toBe(0);
    expect(stdout.split('\n')).toHaveLength(20_001);
    expect(stdout.endsWith('19999 -> 20000\n')).toBe(true);
  });

  it('is one whole object with --json', async () => {
    const child = start('flood', ['--json', 'go']);
    await expect.poll(isDone, { timeout: 20_000 }).toBe(true);
    const result = JSON.parse(await text(child.stdout));
    expect(result.commands[0].changes).toHaveLength(20_000);
  });

  it.each([
    ['-n', 'stdout'],
    ['-v', 'stderr'],
  ] as const)('that nobody reads (%s, %s closed) changes neither the run nor its exit status', async (flag, stream) => {
    const child = start('flood', [flag, 'go']);
    child[stream].destroy();
    const other = text(stream === 'stdout' ? child.stderr : child.stdout);
    expect(await ended(child)).toBe(0);
    expect(isDone()).toBe(true);
    expect(await other).toBe('');
  });

  it('to a full disk changes neither', async () => {
    const full = openSync('/dev/full', 'w');
    const env = { ...process.env, SCRIPT: 'flood', DONE: join(folder, 'done') };
    const child = spawn(process.execPath, [SCRIPTED, '-n', '-v', 'go'], { env, stdio: ['ignore', full, full] });
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(isDone()).toBe(true);
  });
});

describe('a signal', () => {
  async function waiting(): Promise<Child> {
    const child = start('wait', ['go']);
    await once(child.stdout, 'data');
    return child;
  }

  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s stops the run, which rolls back first', async (signal, status) => {
    const child = await waiting();
    child.kill(signal);
    expect(await ended(child)).toBe(status);
    expect(isDone()).toBe(true);
  });

  it('that comes again does not cut the rollback short', async () => {
    const child = await waiting();
    child.kill('SIGTERM');
    await once(child.stdout, 'data');
    for (const again of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) child.kill(again);
    expect(await ended(child)).toBe(143);
    expect(isDone()).toBe(true);
  });

  it('ends a process that only waits for its output to be read, and changes nothing of its exit status', async () => {
    const child = start('flood', ['-n', 'go']);
    await expect.poll(isDone, { timeout: 20_000 }).toBe(true);
    const status = () => {
      child.kill('SIGTERM');
      return child.exitCode ?? child.signalCode;
    };
    await expect.poll(status, { timeout: 20_000 }).toBe(0);
  });
});

/** Triggers, on stand-in hosts: before the lock, bounded, and never deaf. */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { acquireLock, type Lock } from '../../lib/engine/lock.js';
import type { Host } from '../../lib/host.js';
import { type Command, run } from '../../lib/index.js';
import { breathe } from '../../lib/pause.js';
import { cpus, hostTree } from '../support/tree.js';

const drop: Command = { name: 'drop-caches', parameters: { caches: 'page-cache' } };
const compact: Command = { name: 'compact-memory', parameters: {} };
const governor = (name: string): Command => ({ name: 'cpu-governor', parameters: { governor: name } });
const restore: Command = { name: 'restore', parameters: { undoFile: '/nonexistent/undo' } };

let host: Host;
let held: Lock | undefined;
let pipe: number | undefined;
beforeEach(() => {
  const policy = 'sys/devices/system/cpu/cpufreq/policy0';
  host = hostTree({
    'proc/sys/vm/drop_caches': '0',
    'proc/sys/vm/compact_memory': '0',
    'proc/sys/kernel/random/boot_id': 'd9a4b6a2-45d5-4b43-9d3c-1f5a3c5b1e11',
    [`${policy}/scaling_governor`]: 'schedutil',
    [`${policy}/scaling_available_governors`]: 'performance schedutil',
    [`${policy}/affected_cpus`]: '0',
    [`${policy}/related_cpus`]: '0',
    ...cpus('0'),
  });
});
afterEach(() => {
  vi.useRealTimers();
  held?.release();
  held = undefined;
  if (pipe !== undefined) closeSync(pipe);
  pipe = undefined;
});

const vm = (name: string) => `${host.proc}/sys/vm/${name}`;
const written = (name: string) => readFileSync(vm(name), 'utf8').trim();
const statuses = (report: Awaited<ReturnType<typeof run>>) => report.commands.map(({ status }) => status);

/** A write to that file waits for good, as the kernel may. */
function hang(name: string): void {
  rmSync(vm(name));
  spawnSync('mkfifo', [vm(name)]);
  pipe = openSync(vm(name), constants.O_RDWR | constants.O_NONBLOCK);
  const block = Buffer.alloc(4096);
  try {
    for (;;) writeSync(pipe, block);
  } catch {}
}

describe('triggers', () => {
  test('come before all that is changed, in their order; the report has the order of the chain', async () => {
    const order: string[] = [];
    const report = await run([governor('performance'), compact, drop], {
      host,
      onChange: ({ command }) => order.push(command),
    });
    expect(order).toEqual(['compact-memory', 'drop-caches', 'cpu-governor']);
    expect(report.commands.map(({ command, status }) => [command, status])).toEqual([
      ['cpu-governor', 'done'],
      ['compact-memory', 'done'],
      ['drop-caches', 'done'],
    ]);
    expect([written('compact_memory'), written('drop_caches')]).toEqual(['1', '1']);
  });

  test('are planned by a dry run in that order', async () => {
    const order: string[] = [];
    const onChange = ({ command }: { command: string }) => order.push(command);
    const report = await run([governor('performance'), drop], { host, dryRun: true, onChange });
    expect(order).toEqual(['drop-caches', 'cpu-governor']);
    expect(statuses(report)).toEqual(['planned', 'planned']);
    expect(written('drop_caches')).toBe('0');
  });

  test('do not wait for the lock', async () => {
    held = await acquireLock(host, 0);
    expect(await run([compact], { host, wait: 0 })).toMatchObject({ ok: true });
    await expect(run([drop, governor('performance')], { host, wait: 0 })).rejects.toMatchObject({ code: 'ERR_LOCKED' });
    expect([written('compact_memory'), written('drop_caches')]).toEqual(['1', '1']);
  });

  test('hold no lock', async () => {
    hang('compact_memory');
    const stop = new AbortController();
    const running = run([compact, governor('performance')], { host, signal: stop.signal });
    const child = await vi.waitFor(() => {
      const children = spawnSync('pgrep', ['-P', String(process.pid)]).stdout.toString();
      expect(children).toMatch(/^\d+\n$/);
      return children.trim();
    });
    held = await acquireLock(host, 0);
    stop.abort();
    expect(await running).toMatchObject({ ok: false, error: { code: 'ABORT_ERR' } });
    await vi.waitFor(() => expect(readFileSync(`/proc/${child}/stat`, 'utf8')).toMatch(/\) Z /));
  });

  test('that hang end with a signal, and nothing is changed', async () => {
    hang('compact_memory');
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const report = await run([compact, drop, governor('performance')], { host, signal: stop.signal, keepGoing: true });
    expect(report.error?.code).toBe('ABORT_ERR');
    expect(statuses(report)).toEqual(['failed', 'skipped', 'skipped']);
    expect(existsSync(`${host.run}/vfio-isolate`)).toBe(false);
  });

  test('that take too long are left, which is a note', async () => {
    hang('drop_caches');
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    const running = run([drop, compact], { host });
    // It begins in the real time of the event loop.
    for (let turn = 0; turn < 20; turn++) await breathe();
    await vi.advanceTimersByTimeAsync(29_900);
    expect(await Promise.race([running, 'waiting'])).toBe('waiting');
    await vi.advanceTimersByTimeAsync(200);
    vi.useRealTimers();
    const report = await running;
    expect(report).toMatchObject({ ok: true, commands: [{ status: 'done' }, { status: 'done' }] });
    expect(report.commands[0]?.notes).toEqual([
      `the kernel did not finish within 30 s what ${vm('drop_caches')} has it do`,
    ]);
    expect(written('compact_memory')).toBe('1');
  });

  test('that fail keep the rest of the chain from being done', async () => {
    rmSync(vm('compact_memory'));
    const report = await run([governor('performance'), compact, drop], { host });
    expect(statuses(report)).toEqual(['skipped', 'failed', 'skipped']);
    expect(report.error?.message).toContain('CONFIG_COMPACTION');
    const kept = await run([governor('performance'), compact, drop], { host, keepGoing: true });
    expect(kept.ok).toBe(false);
    expect(statuses(kept)).toEqual(['done', 'failed', 'done']);
  });

  test('stay done if a later command fails', async () => {
    const report = await run([drop, governor('performance'), governor('no-such')], { host });
    expect(statuses(report)).toEqual(['done', 'undone', 'failed']);
    expect(report.rollbackErrors).toEqual([]);
  });
});

describe('the lock', () => {
  test('is waited for by a restore for two minutes, by any other chain for ten seconds, unless told otherwise', async () => {
    held = await acquireLock(host, 0);
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    const ends = async (commands: Command[], seconds: number, wait?: number) => {
      const failed = expect(run(commands, { host, ...(wait !== undefined && { wait }) })).rejects.toMatchObject({
        code: 'ERR_LOCKED',
        message: `another run holds the lock, and did for ${seconds} s`,
      });
      await vi.advanceTimersByTimeAsync(seconds * 1000 + 200);
      await failed;
    };
    await ends([governor('performance')], 10);
    await ends([governor('performance'), restore], 10);
    await ends([restore], 120);
    await ends([restore], 1, 1);
  });
});

/** What is made of systemd's answers, and of none. A shell stands in for its programs. */
import childProcess, { type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openHost, withSignal } from '../../lib/host.js';
import { callManager, showUnit } from '../../lib/kernel/systemd/bus.js';

vi.mock('../../lib/kernel/systemd/programs.js', () => ({ findProgram: (name: string) => `/usr/bin/${name}` }));

const stand = { in: '' };
/** The end of the last program, whoever holds its pipes then. */
const ended = { last: Promise.resolve() as Promise<unknown> };
const builtin = process.getBuiltinModule;
vi.spyOn(process, 'getBuiltinModule').mockImplementation((id: string) =>
  id === 'node:child_process' ? { ...childProcess, spawn } : builtin(id),
);

function spawn(_program: string, _words: string[], options: SpawnOptions) {
  const child = childProcess.spawn('/bin/sh', ['-c', stand.in], options);
  ended.last = once(child, 'exit');
  return child;
}

const remedy = 'see systemctl status and journalctl -b';
const show = () => showUnit(openHost(), 'guest.slice', ['LoadState', 'ActiveState', 'AllowedCPUs']);
const stop = () => callManager(openHost(), 'StopUnit', 'ss', 'guest.slice', 'fail');

describe('systemd', () => {
  beforeEach(() => {
    stand.in = '';
  });

  test('is taken at its word where it answers', async () => {
    stand.in = 'echo AllowedCPUs=0-1; echo LoadState=not-found; echo ActiveState=inactive';
    expect((await show()).get('AllowedCPUs')).toBe('0-1');
    await stop();
  });

  test.each([
    ['nothing', ':'],
    ['nonsense', "printf 'LoadState\\nActiveState=\\377=7\\nAllowedCPUs=0-\\n'"],
    ['no value', 'echo LoadState=; echo ActiveState='],
  ])('that answers %s says nothing of a unit', async (_what, script) => {
    stand.in = script;
    const message = '/usr/bin/systemctl show guest.slice: the answer has no LoadState';
    await expect(show()).rejects.toMatchObject({ code: 'ERR_STATE', message, remedy });
  });

  test.each([
    ['complains', 'echo Connection timed out >&2; exit 1', 'Connection timed out'],
    ['fails without a word', 'exit 1', 'exit status 1'],
    ['is killed', 'kill -KILL $$', 'killed by SIGKILL'],
  ])('that %s has not done it', async (_what, script, why) => {
    stand.in = script;
    const message = `/usr/bin/busctl StopUnit guest.slice: ${why}`;
    await expect(stop()).rejects.toMatchObject({ code: 'ERR_STATE', message, remedy });
  });

  test('that hangs is ended with all that it has started', async () => {
    stand.in = 'sleep 1000 & sleep 1000';
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const stopped = expect(stop()).rejects.toMatchObject({
        code: 'ERR_STATE',
        message: '/usr/bin/busctl StopUnit guest.slice: no answer within 30 s',
      });
      vi.advanceTimersByTime(30_000);
      await stopped;
    } finally {
      vi.useRealTimers();
    }
  });

  test('that hangs is ended by what stops the run', async () => {
    stand.in = 'sleep 1000';
    const stop = new AbortController();
    const stopped = callManager(withSignal(openHost(), stop.signal), 'StopUnit', 'ss', 'guest.slice', 'fail');
    setTimeout(() => stop.abort(), 100);
    const message = 'stopped while waiting for /usr/bin/busctl';
    await expect(stopped).rejects.toMatchObject({ code: 'ABORT_ERR', message });
    await ended.last;
    await expect(
      callManager(withSignal(openHost(), stop.signal), 'StopUnit', 'ss', 'guest.slice', 'fail'),
    ).rejects.toMatchObject({ code: 'ABORT_ERR', message });
  });

  test('that leaves something behind which holds its pipes is not waited for longer', async () => {
    stand.in = 'echo LoadState=loaded; echo ActiveState=active; setsid sleep 3 & sleep 0.5';
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const shown = show();
      await ended.last;
      vi.advanceTimersByTime(30_000);
      expect((await shown).get('ActiveState')).toBe('active');
    } finally {
      vi.useRealTimers();
    }
  });
});

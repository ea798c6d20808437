/** Reports of runs, and an Io that keeps what is written. */
import { vi } from 'vitest';
import type { Io } from '../../lib/cli/io.js';
import { SystemError, UsageError, VfioIsolateError } from '../../lib/errors.js';
import type { Change, CommandReport, RunReport } from '../../lib/index.js';

export function fakeIo(colour = false, isTerminal = false) {
  const out = vi.fn<(text: string) => void>();
  const err = vi.fn<(text: string) => void>();
  const written = (write: typeof out) => write.mock.calls.map(([text]) => text).join('');
  const io: Io = { out, err, width: 80, colour, isTerminal, exitOn: (_, release) => release() };
  return { io, stdout: () => written(out), stderr: () => written(err) };
}

export const change: Change = {
  command: 'cpuset-modify',
  kind: 'file',
  target: '/sys/fs/cgroup/cpuset/x/cpuset.cpus',
  from: '0-3',
  to: '0-1',
  text: '/sys/fs/cgroup/cpuset/x/cpuset.cpus: 0-3 -> 0-1',
  changed: 1,
};

export const busy = new SystemError({
  errno: -16,
  syscall: 'write',
  path: '/sys/fs/cgroup/cpuset/x/cpuset.cpus',
  value: '0-1',
  reason: 'a task holds it',
  remedy: 'stop the task',
});

export const missing = new VfioIsolateError('ERR_STATE', 'there is no cpuset /x', { remedy: 'create it first' });
export const wrong = new UsageError('C9: there is no CPU 9');
export const stopped = new VfioIsolateError('ABORT_ERR', 'stopped by a signal');
export const locked = new VfioIsolateError('ERR_LOCKED', 'another run holds the lock', { remedy: 'wait' });

export function command(name: string, over: Partial<CommandReport> = {}): CommandReport {
  return { command: name, status: 'done', changes: [], refused: [], gone: 0, notes: [], failures: [], ...over };
}

export function report(commands: readonly CommandReport[], over: Partial<RunReport> = {}): RunReport {
  return { ok: true, dryRun: false, commands, rollbackErrors: [], ...over };
}

const bound = 'kernel thread bound to its CPUs';

export const moved = command('move-tasks', {
  changes: [{ ...change, kind: 'tasks', text: 'tasks of /: -> /x', changed: 87 }],
  refused: [
    { what: 'task 12 (migration/0)', reason: bound },
    { what: 'task 99 (rt)', reason: 'EPERM: no right to move it' },
    { what: 'task 18 (migration/1)', reason: bound },
  ],
  gone: 3,
});

export const failed = report(
  [
    command('cpuset-create', { status: 'undone', changes: [change] }),
    command('cpuset-modify', { status: 'failed', error: busy }),
    command('move-tasks', { status: 'skipped' }),
  ],
  { ok: false, error: busy },
);

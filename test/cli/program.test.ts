/** A command line from end to end, over a run that is scripted. */
import { describe, expect, it, vi } from 'vitest';
import { program } from '../../lib/cli/program.js';
import type { RunReport, run } from '../../lib/index.js';
import { change, command, failed, fakeIo, locked, report, wrong } from './samples.js';
import { specs } from './specs.js';

async function perform(argv: readonly string[], scripted: () => Promise<RunReport>) {
  const { io, stdout, stderr } = fakeIo();
  const ran = vi.fn<typeof run>(async (_, options) => {
    options?.onChange?.(change);
    return scripted();
  });
  const status = await program(argv, io, { actions: specs.map((spec) => ({ spec })), run: ran, records: vi.fn() });
  return { status, stdout: stdout(), stderr: stderr(), ran };
}

const succeeding = async () => report([command('drop', { changes: [change] })]);

describe('a run', () => {
  it('gets the commands and what the options say', async () => {
    const argv = '-u f --wait 0 --keep-going --force create /x drop'.split(' ');
    const { ran, ...rest } = await perform(argv, succeeding);
    expect(rest).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(ran).toHaveBeenCalledExactlyOnceWith(
      [
        { name: 'create', parameters: { cpusetName: '/x' } },
        { name: 'drop', parameters: {} },
      ],
      {
        undo: 'f',
        commandLine: 'vfio-isolate -u f --wait 0 --keep-going --force create /x drop',
        wait: 0,
        dryRun: false,
        keepGoing: true,
        force: true,
        signal: expect.objectContaining({ aborted: false }),
        onChange: expect.any(Function),
      },
    );
  });

  it('leaves what was not given to the API', async () => {
    const { ran } = await perform(['-n', 'drop'], succeeding);
    const options = ran.mock.calls[0]?.[1];
    expect(options).toMatchObject({ dryRun: true });
    expect(options).not.toHaveProperty('undo');
    expect(options).not.toHaveProperty('wait');
  });

  it('is not begun where any of the chain is wrong', async () => {
    const { ran, status } = await perform(['drop', 'create', '/x', '--bogus'], succeeding);
    expect(status).toBe(2);
    expect(ran).not.toHaveBeenCalled();
  });

  it('leaves no handler of signals behind', async () => {
    const before = process.listenerCount('SIGTERM');
    await perform(['drop'], succeeding);
    await perform(['drop'], () => Promise.reject(locked));
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});

describe('the exit status', () => {
  it('is that of the report', async () => {
    expect((await perform(['drop'], async () => failed)).status).toBe(1);
  });

  it.each([
    [75, locked, 'vfio-isolate: another run holds the lock; wait\n'],
    [2, wrong, 'vfio-isolate: C9: there is no CPU 9\n'],
  ])('is %i where the run never began', async (status, error, stderr) => {
    expect(await perform(['drop'], () => Promise.reject(error))).toMatchObject({ status, stdout: '', stderr });
  });
});

describe('--json', () => {
  it.each([
    [0, succeeding],
    [1, async () => failed],
    [75, () => Promise.reject(locked)],
    [1, () => Promise.reject(new TypeError('a fault of ours'))],
  ])('prints exactly one object, and nothing else (%i)', async (status, scripted) => {
    const { stdout, stderr, ...rest } = await perform(['--json', '-n', 'drop'], scripted);
    expect(rest.status).toBe(status);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, ok: status === 0, exitCode: status });
  });
});

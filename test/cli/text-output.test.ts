import { describe, expect, it } from 'vitest';
import type { Settings } from '../../lib/cli/request.js';
import { textOutput } from '../../lib/cli/text-output.js';
import { VfioIsolateError } from '../../lib/errors.js';
import type { RunReport } from '../../lib/index.js';
import { busy, change, command, failed, fakeIo, missing, moved, report, stopped } from './samples.js';

function told(settings: Settings, of: RunReport, colour = false) {
  const { io, stdout, stderr } = fakeIo(colour);
  textOutput(io, settings).report(of, 0);
  return { stdout: stdout(), stderr: stderr() };
}

function toldOfChange(settings: Settings) {
  const { io, stdout, stderr } = fakeIo();
  const output = textOutput(io, settings);
  output.change(change);
  if (settings.dryRun) output.report(report([]), 0);
  return { stdout: stdout(), stderr: stderr() };
}

describe('a change', () => {
  const line = '/sys/fs/cgroup/cpuset/x/cpuset.cpus: 0-3 -> 0-1\n';

  it('is not told', () => expect(toldOfChange({})).toEqual({ stdout: '', stderr: '' }));
  it('is a message with -v', () => expect(toldOfChange({ verbose: true })).toEqual({ stdout: '', stderr: line }));
  it('is data, once, in a dry run', () => {
    expect(toldOfChange({ dryRun: true })).toEqual({ stdout: line, stderr: '' });
    expect(toldOfChange({ dryRun: true, verbose: true })).toEqual({ stdout: line, stderr: '' });
  });
});

describe('a run that succeeded', () => {
  it('says nothing', () => {
    expect(told({}, report([command('cpuset-modify', { changes: [change] })]))).toEqual({ stdout: '', stderr: '' });
  });

  it('counts refusals by reason, the most common first', () => {
    expect(told({}, report([moved])).stderr).toBe(
      'vfio-isolate: move-tasks: 87 changed; 3 gone meanwhile; ' +
        '3 refused: 2 (kernel thread bound to its CPUs), 1 (EPERM: no right to move it)\n',
    );
  });

  it('names each refusal with -v', () => {
    expect(
      told({ verbose: true }, report([moved]))
        .stderr.split('\n')
        .slice(1),
    ).toEqual([
      '  task 12 (migration/0): kernel thread bound to its CPUs',
      '  task 99 (rt): EPERM: no right to move it',
      '  task 18 (migration/1): kernel thread bound to its CPUs',
      '',
    ]);
  });

  it('counts changes with -v', () => {
    const { stderr } = told({ verbose: true }, report([command('cpuset-modify', { changes: [change, change] })]));
    expect(stderr).toBe('vfio-isolate: cpuset-modify: 2 changed\n');
  });

  it('passes notes on', () => {
    const { stderr } = told({}, report([command('restore', { notes: ['nothing to restore'] })]));
    expect(stderr).toBe('vfio-isolate: restore: nothing to restore\n');
  });
});

describe('a run that failed', () => {
  it('says what, on what, why, what to do, and what is left', () => {
    expect(told({}, failed)).toEqual({
      stdout: '',
      stderr:
        'vfio-isolate: cpuset-modify: write "0-1" to /sys/fs/cgroup/cpuset/x/cpuset.cpus: ' +
        'EBUSY: a task holds it; stop the task\n' +
        'vfio-isolate: rolled back: cpuset-create\n',
    });
  });

  it('tells of an error that no command is to blame for', () => {
    const { stderr } = told({}, report([command('drop-caches', { status: 'undone' })], { ok: false, error: stopped }));
    expect(stderr).toBe('vfio-isolate: stopped by a signal\nvfio-isolate: rolled back: drop-caches\n');
  });

  it('had done nothing yet', () => {
    const first = command('cpuset-modify', { status: 'failed', error: missing });
    const { stderr } = told({}, report([first], { ok: false, error: missing }));
    expect(stderr).toBe(
      'vfio-isolate: cpuset-modify: there is no cpuset /x; create it first\nvfio-isolate: nothing was changed\n',
    );
  });

  it('kept what others did', () => {
    const commands = [command('drop-caches'), command('cpuset-modify', { status: 'failed', error: missing })];
    const { stderr } = told({ keepGoing: true }, report(commands, { ok: false, error: missing }));
    expect(stderr).toContain('vfio-isolate: kept: drop-caches\n');
  });

  it('could not be rolled back, and says where the rest is', () => {
    const of = { ...failed, rollbackErrors: [busy, missing] };
    expect(told({ undoFile: '/run/undo' }, of).stderr.split('\n').slice(1)).toEqual([
      'vfio-isolate: rollback: write "0-1" to /sys/fs/cgroup/cpuset/x/cpuset.cpus: EBUSY: a task holds it; stop the task',
      'vfio-isolate: rollback: there is no cpuset /x; create it first',
      'vfio-isolate: not all could be rolled back; ' +
        'the rest is in the undo file, so try: vfio-isolate restore /run/undo',
      '',
    ]);
    expect(told({}, of).stderr).toContain('must be put right by hand');
  });

  it('restored in part, which is not rolled back', () => {
    const restored = command('restore', {
      status: 'failed',
      changes: [change],
      failures: [busy, missing],
      error: missing,
    });
    const { stderr } = told({}, report([restored], { ok: false, error: missing }));
    expect(stderr.split('\n')).toHaveLength(4);
    expect(stderr).not.toContain('rolled back');
    expect(stderr).not.toContain('nothing was changed');
  });

  it('a step of a restore that failed half way, of which no change is told', () => {
    const error = new VfioIsolateError('ERR_INCOMPLETE', 'not all was restored');
    const halfway = report([command('restore', { status: 'failed', error })], { ok: false, error });
    expect(told({}, halfway).stderr).not.toContain('nothing was changed');
  });

  it('in a dry run leaves nothing to be told of', () => {
    const first = command('cpuset-modify', { status: 'failed', error: missing });
    const { stderr } = told({ dryRun: true }, report([first], { ok: false, dryRun: true, error: missing }));
    expect(stderr.split('\n')).toHaveLength(2);
  });
});

describe('what a terminal gets to see', () => {
  const red = '\u001b[31m';

  it('has no stack but with -d', () => {
    expect(told({}, failed).stderr).not.toContain('    at ');
    expect(told({ debug: true }, failed).stderr).toContain('    at ');
  });

  it('is plain, or has the head of an error in red', () => {
    expect(told({}, failed).stderr).not.toContain(red);
    expect(told({}, failed, true).stderr).toContain(`${red}vfio-isolate: cpuset-modify:\u001b[39m write`);
  });

  it('cannot be written by a hostile name', () => {
    const hostile = `evil${red}\n\u009b2J\u202e`;
    const { io, stdout, stderr } = fakeIo();
    const planning = textOutput(io, { dryRun: true });
    planning.change({ ...change, text: hostile });
    planning.report(report([]), 0);
    const telling = textOutput(io, { verbose: true, debug: true });
    telling.change({ ...change, text: hostile });
    telling.report(report([command('x', { notes: [hostile], refused: [{ what: hostile, reason: hostile }] })]), 0);
    telling.failure(Object.assign(new Error(hostile), { stack: hostile }), 1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(stdout() + stderr()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(stdout()).toBe('evil\\u001b[31m\\n\\u009b2J\\u202e\n');
  });

  it('of a fault of ours is how to report it', () => {
    const { io, stderr } = fakeIo();
    textOutput(io, {}).failure(new TypeError('x is undefined'), 1);
    expect(stderr()).toBe(
      'vfio-isolate: internal error: TypeError: x is undefined; run it again with -d, and report it\n',
    );
  });
});

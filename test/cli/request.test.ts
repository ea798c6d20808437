import { describe, expect, it } from 'vitest';
import { demoSpec } from '../../lib/cli/demo-spec.js';
import { parseRequest, type Request } from '../../lib/cli/request.js';
import { UsageError } from '../../lib/errors.js';
import { create, specs } from './specs.js';

const everything = [...specs, demoSpec];

const request = (...argv: string[]): Request => parseRequest(argv, everything);

/** The settings and commands of a run. */
function parsed(line: string) {
  const found = request(...line.split(' '));
  if (found.kind !== 'run') throw new Error(`not a run: ${found.kind}`);
  return found;
}

const settings = (line: string) => parsed(line).settings;
const parameters = (line: string) => parsed(line).commands.map((command) => command.parameters);

function fault(...argv: string[]): { message: string; remedy: string | undefined } {
  try {
    request(...argv);
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, remedy: error.remedy };
    throw error;
  }
  throw new Error(`no fault found in: ${argv.join(' ')}`);
}

describe('global options', () => {
  it.each([
    ['drop', {}],
    ['-v -d drop', { verbose: true, debug: true }],
    ['-vd drop', { verbose: true, debug: true }],
    ['--verbose --debug drop', { verbose: true, debug: true }],
    ['-u f drop', { undoFile: 'f' }],
    ['-uf drop', { undoFile: 'f' }],
    ['-vuf drop', { verbose: true, undoFile: 'f' }],
    ['-vu f drop', { verbose: true, undoFile: 'f' }],
    ['--undo-file f drop', { undoFile: 'f' }],
    ['--undo-file=f drop', { undoFile: 'f' }],
    ['-u a -u b drop', { undoFile: 'b' }],
    ['-n drop', { dryRun: true }],
    ['--dry-run --json --keep-going --force drop', { dryRun: true, json: true, keepGoing: true, force: true }],
    ['--wait 0 drop', { wait: 0 }],
    ['--wait=2.5 drop', { wait: 2.5 }],
    ['-v -- drop', { verbose: true }],
  ])('%s', (line, expected) => expect(settings(line)).toEqual(expected));

  it.each(['-1', 'x', '', '1e3', '0x10', 'Infinity', 'NaN'])('--wait refuses %j', (word) => {
    expect(fault('--wait', word, 'drop').message).toContain('It takes a number of seconds, 0 or more');
  });

  it('are unknown in any other spelling', () => {
    expect(fault('--verbos', 'drop')).toEqual({
      message: "unknown option '--verbos'",
      remedy: 'did you mean --verbose?',
    });
    expect(fault('-x', 'drop')).toEqual({ message: "unknown option '-x'", remedy: 'see vfio-isolate --help' });
    expect(fault('-vx', 'drop').message).toBe("unknown option '-x'");
    expect(fault('--no-verbose', 'drop').message).toBe("unknown option '--no-verbose'");
    expect(fault('-u').message).toBe("option '-u, --undo-file <undo-file>' argument missing");
  });

  it('do not take the next word for an undo file that a script left empty', () => {
    expect(fault('-u', '', 'drop').message).toBe('the undo file has an empty name');
    for (const word of ['drop', 'demo', '-v', '--json']) {
      expect(fault('-u', word, 'drop')).toEqual({
        message: `'${word}' stands where the undo file is expected`,
        remedy: `write ./${word} for a file of that name`,
      });
    }
    expect(settings('-u ./drop drop')).toEqual({ undoFile: './drop' });
  });
});

describe('parameters', () => {
  it.each([
    ['drop', [{}]],
    ['create /x', [{ cpusetName: '/x' }]],
    ['create --cpus C0-1,6-7 /x', [{ cpusetName: '/x', cpus: 'C0-1,6-7' }]],
    ['create /x --cpus=C0 -mm', [{ cpusetName: '/x', cpus: 'C0', memMigrate: true }]],
    ['create -nmm --no-cpu-exclusive /x', [{ cpusetName: '/x', memMigrate: false, cpuExclusive: false }]],
    ['create -mm -nmm --cpus a --cpus b /x', [{ cpusetName: '/x', memMigrate: false, cpus: 'b' }]],
    ['move / /x', [{ cpusetFrom: '/', cpusetTo: '/x' }]],
    ['governor performance', [{ governor: 'performance' }]],
    ['governor performance C0', [{ governor: 'performance', cpus: 'C0' }]],
    ['irq MASK C0', [{ operation: 'mask', cpus: 'C0' }]],
    ['create --mode ISOLATED /x', [{ cpusetName: '/x', mode: 'isolated' }]],
    ['pin C0', [{ cpus: 'C0' }]],
    ['pin C0 1 2 --threads drop', [{ cpus: 'C0', pids: ['1', '2'], threads: true }, {}]],
    ['pin C0 -- -1', [{ cpus: 'C0', pids: ['-1'] }]],
    ['create -- --help', [{ cpusetName: '--help' }]],
    ['create -5', [{ cpusetName: '-5' }]],
  ])('%s', (line, expected) => expect(parameters(line)).toEqual(expected));

  it('are wrong in these ways', () => {
    expect(fault('create')).toEqual({
      message: "create: missing required argument 'cpuset-name'",
      remedy: 'usage: vfio-isolate create [OPTIONS] <cpuset-name>',
    });
    expect(fault('move', '/')).toEqual({
      message: "move: missing required argument 'cpuset-to'",
      remedy: 'usage: vfio-isolate move <cpuset-from> <cpuset-to>',
    });
    expect(fault('create', '--cpu', 'C0', '/x', 'move', '/', '/x')).toEqual({
      message: "create: unknown option '--cpu'",
      remedy: 'did you mean --cpus?',
    });
    expect(fault('move', '-nmm', '/', '/x').message).toBe("move: unknown option '-nmm'");
    expect(fault('create', '-5', '/x').message).toBe("create: unexpected argument '/x'");
    expect(fault('create', '--mem-migrate=yes', '/x').message).toBe("create: unknown option '--mem-migrate=yes'");
    expect(fault('irq', 'bogus', 'C0').message).toBe(
      "irq: command-argument value 'bogus' is invalid for argument 'operation'. Allowed are mask, add",
    );
    expect(fault('create', '--mode', 'x', '/x').message).toContain('Allowed are root, isolated');
  });
});

describe('restore with an undo file', () => {
  it('records how to redo in another file', () => {
    expect(settings('-u redo restore undo')).toEqual({ undoFile: 'redo' });
  });

  it('cannot be one and the same file, anywhere in the chain', () => {
    const expected = { message: "restore: 'f' is also the undo file", remedy: 'give -u another file' };
    expect(fault('-u', 'f', 'restore', 'f')).toEqual(expected);
    expect(fault('-u', 'f', 'drop', 'restore', './f')).toEqual(expected);
  });
});

describe('what is not a run', () => {
  it('help of the program, wherever else it leads', () => {
    expect(request('--help')).toEqual({ kind: 'help' });
    expect(request('-v', '--help', 'drop')).toEqual({ kind: 'help' });
  });

  it('help of a command, without the arguments that it needs, and before the rest is looked at', () => {
    expect(request('create', '--help')).toEqual({ kind: 'help', spec: create });
    expect(request('drop', 'create', '/x', '--help')).toEqual({ kind: 'help', spec: create });
    expect(request('create', '--help', 'move', 'bogus', 'bogus')).toEqual({ kind: 'help', spec: create });
  });

  it('the version', () => expect(request('-v', '--version', 'drop')).toEqual({ kind: 'version' }));

  it('no command', () => {
    expect(fault('-v')).toEqual({ message: 'no command given', remedy: 'see vfio-isolate --help' });
  });

  it('the demo, which stands alone', () => {
    expect(request('demo')).toEqual({ kind: 'demo', settings: {} });
    expect(request('-d', 'demo')).toEqual({ kind: 'demo', settings: { debug: true } });
    expect(fault('drop', 'demo').message).toBe('demo stands alone: it cannot be part of a chain');
    expect(fault('demo', 'drop').message).toBe('demo stands alone: it cannot be part of a chain');
    expect(fault('-n', 'demo').message).toBe('demo takes no option but -d');
  });
});

import { describe, expect, it } from 'vitest';
import { split } from '../../lib/cli/chain.js';
import { UsageError } from '../../lib/errors.js';
import { specs } from './specs.js';

/** `name | options | operands` of each segment. */
function segments(line: string): string[] {
  const words = line === '' ? [] : line.split(' ');
  return [...split(words, specs)].map(({ spec, options, operands }) =>
    [spec.name, options.join(' '), operands.join(' ')].join(' | '),
  );
}

function fault(line: string): { message: string; remedy: string | undefined } {
  try {
    segments(line);
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, remedy: error.remedy };
    throw error;
  }
  throw new Error(`no fault found in: ${line}`);
}

describe('a chain is split by what its commands take', () => {
  it.each([
    ['', []],
    ['drop', ['drop |  | ']],
    ['drop drop', ['drop |  | ', 'drop |  | ']],
    ['create /x move / /x', ['create |  | /x', 'move |  | / /x']],
    ['create /x --cpus C0 move / /x', ['create | --cpus=C0 | /x', 'move |  | / /x']],
    ['create --cpus C0 /x --mems N0 drop', ['create | --cpus=C0 --mems=N0 | /x', 'drop |  | ']],
    ['create --cpus=C0 /x drop', ['create | --cpus=C0 | /x', 'drop |  | ']],
    ['move / --bogus /x drop', ['move | --bogus | / /x', 'drop |  | ']],
  ])('%s', (line, expected) => expect(segments(line)).toEqual(expected));

  it('takes an option value as it is, a command name and an option among them', () => {
    expect(segments('create --cpus drop /x')).toEqual(['create | --cpus=drop | /x']);
    expect(segments('create --cpus --mems /x')).toEqual(['create | --cpus=--mems | /x']);
    expect(segments('create --cpus -- /x')).toEqual(['create | --cpus=-- | /x']);
  });

  it('keeps an equals sign of a value', () => {
    expect(segments('create --cpus=a=b /x')).toEqual(['create | --cpus=a=b | /x']);
    expect(segments('create --cpus= /x')).toEqual(['create | --cpus= | /x']);
  });

  it.each(['-', '-5', '-.5', '-5x'])('takes %s as an argument', (word) => {
    expect(segments(`create ${word} drop`)).toEqual([`create |  | ${word}`, 'drop |  | ']);
  });
});

describe("a command's name", () => {
  it('is an argument where one is required', () => {
    expect(segments('create drop drop')).toEqual(['create |  | drop', 'drop |  | ']);
    expect(segments('move move move drop')).toEqual(['move |  | move move', 'drop |  | ']);
  });

  it('ends optional arguments', () => {
    expect(segments('governor performance drop')).toEqual(['governor |  | performance', 'drop |  | ']);
    expect(segments('governor performance C0 drop')).toEqual(['governor |  | performance C0', 'drop |  | ']);
  });

  it('ends variadic arguments', () => {
    expect(segments('pin C0 drop')).toEqual(['pin |  | C0', 'drop |  | ']);
    expect(segments('pin C0 1 2 3 drop')).toEqual(['pin |  | C0 1 2 3', 'drop |  | ']);
  });
});

describe("the original's short tokens", () => {
  it('are spelt out', () => {
    expect(segments('create -mm /x')).toEqual(['create | --mem-migrate | /x']);
    expect(segments('create /x -nmm -ce')).toEqual(['create | --no-mem-migrate --cpu-exclusive | /x']);
  });

  it('are left alone as the value of an option', () => {
    expect(segments('create --cpus -mm /x')).toEqual(['create | --cpus=-mm | /x']);
  });

  it('are left alone after --', () => expect(segments('create -- -mm')).toEqual(['create |  | -mm']));

  it('mean nothing to a command that has none', () => {
    expect(segments('move -mm / /x')).toEqual(['move | -mm | / /x']);
    expect(segments('move -nmm / /x')).toEqual(['move | -nmm | / /x']);
  });
});

describe('--', () => {
  it.each([
    ['create -- -x drop', ['create |  | -x', 'drop |  | ']],
    ['create --cpus C0 -- --mems drop', ['create | --cpus=C0 | --mems', 'drop |  | ']],
    ['create /x -- drop', ['create |  | /x', 'drop |  | ']],
    ['drop -- drop', ['drop |  | ', 'drop |  | ']],
    ['move -- -a -b drop', ['move |  | -a -b', 'drop |  | ']],
    ['move / -- -b drop', ['move |  | / -b', 'drop |  | ']],
    ['create -- -- drop', ['create |  | --', 'drop |  | ']],
    ['governor -- performance drop', ['governor |  | performance drop']],
    ['governor performance -- drop drop', ['governor |  | performance drop', 'drop |  | ']],
    ['pin C0 -- drop -v --', ['pin |  | C0 drop -v --']],
  ])('%s', (line, expected) => expect(segments(line)).toEqual(expected));
});

describe('what cannot be split', () => {
  it.each([
    ['bogus', "unknown command 'bogus'", 'see vfio-isolate --help'],
    ['craete /x', "unknown command 'craete'", 'did you mean create?'],
    ['drop dorp', "unknown command 'dorp'", 'did you mean drop?'],
    ['--cpus', "unknown command '--cpus'", 'see vfio-isolate --help'],
    ['create /x /y', "create: unexpected argument '/y'", 'usage: vfio-isolate create [OPTIONS] <cpuset-name>'],
    ['drop 3', "drop: unexpected argument '3'", 'usage: vfio-isolate drop'],
    [
      'create -- /x --cpus C0',
      "create: unexpected argument '--cpus'",
      'usage: vfio-isolate create [OPTIONS] <cpuset-name>',
    ],
    ['create /x --cpus', "create: option '--cpus' needs a value", 'usage: vfio-isolate create [OPTIONS] <cpuset-name>'],
  ])('%s', (line, message, remedy) => expect(fault(line)).toEqual({ message, remedy }));

  it.each([
    '-v',
    '-d',
    '-vd',
    '-n',
    '--dry-run',
    '--json',
    '--force',
    '--wait',
    '--wait=3',
    '-u',
    '-ufile',
    '-vufile',
    '--version',
  ])('names where the global option %s belongs', (word) =>
    expect(fault(`drop ${word}`)).toEqual({
      message: `drop: '${word}' is an option of the whole run`,
      remedy: `put it before the first command: vfio-isolate ${word} ...`,
    }),
  );

  it('hands out the commands before the fault first', () => {
    const chain = split(['drop', 'bogus'], specs);
    expect(chain.next().value?.spec.name).toBe('drop');
    expect(() => chain.next()).toThrow("drop: unexpected argument 'bogus'");
  });
});

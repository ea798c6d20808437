/** Whatever a chain's parameters are, written as a command line they are read back the same. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { actions } from '../../lib/actions/registry.js';
import type { Settings } from '../../lib/cli/request.js';
import { parseRequest } from '../../lib/cli/request.js';
import type { ActionSpec, OptionSpec, ValueType } from '../../lib/index.js';
import { pin } from './specs.js';

/** The fixture adds what no command has so far: a variadic argument. */
const specs = [...actions.map(({ spec }) => spec), pin];
const names = specs.map(({ name }) => name);

/** One command: its words, and the name and parameters that they stand for. */
interface Sample {
  readonly words: readonly string[];
  readonly command: { readonly name: string; readonly parameters: Record<string, unknown> };
}

const camel = (name: string) => name.replace(/-./g, (pair) => pair.slice(1).toUpperCase());

/** Any text, and often one that the grammar knows. */
const word = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(...names, '-', '--', '-v', '-mm', '--cpus', '--help', '--json', '=', '/host.slice', 'C0-3,8'),
);

const wordOf = (type: ValueType) => (typeof type === 'string' ? word : fc.constantFrom(...type));

/** An option's words, and the value that it ends up with. */
function option({ name, value, short }: OptionSpec) {
  if (value !== undefined) {
    return fc.tuple(wordOf(value.type), fc.boolean()).map(([text, joined]) => ({
      name,
      words: joined ? [`--${name}=${text}`] : [`--${name}`, text],
      value: text as unknown,
    }));
  }
  return fc.tuple(fc.boolean(), fc.boolean()).map(([on, long]) => {
    const spelt = long || short === undefined ? `--${on ? '' : 'no-'}${name}` : `-${on ? '' : 'n'}${short}`;
    return { name, words: [spelt], value: on as unknown };
  });
}

function argumentLists(spec: ActionSpec) {
  const least = spec.arguments.filter(({ optional }) => !optional).length;
  const last = spec.arguments.at(-1);
  const lists = spec.arguments.map(({ type, variadic }) =>
    variadic ? fc.array(wordOf(type), { minLength: 1, maxLength: 4 }) : wordOf(type).map((one) => [one]),
  );
  return fc
    .tuple(fc.integer({ min: least, max: lists.length }), fc.tuple(...lists))
    .map(([count, all]) => ({ values: all.slice(0, count), full: count === lists.length && !last?.variadic }));
}

/** Written without `--`, an operand must not look like an option, nor an optional one like a command. */
function isPlain(spec: ActionSpec, operands: readonly string[]): boolean {
  const least = spec.arguments.filter(({ optional }) => !optional).length;
  return operands.every((text, at) => !/^-[^\d.]/.test(text) && !(at >= least && names.includes(text)));
}

function sampleOf(spec: ActionSpec): fc.Arbitrary<Sample & { readonly closed: boolean }> {
  const options = spec.options.length === 0 ? fc.constant([]) : fc.array(fc.oneof(...spec.options.map(option)));
  return fc
    .tuple(argumentLists(spec), options, fc.boolean(), fc.nat())
    .map(([{ values, full }, given, wanted, cut]) => {
      const operands = values.flat();
      const escaped = wanted || !isPlain(spec, operands);
      const at = escaped ? given.length : cut % (given.length + 1);
      const before = given.slice(0, at).flatMap(({ words }) => words);
      const after = given.slice(at).flatMap(({ words }) => words);
      const parameters: Record<string, unknown> = {};
      for (const { name, value } of given) parameters[camel(name)] = value;
      for (const [index, value] of values.entries()) {
        const argument = spec.arguments[index];
        if (argument) parameters[camel(argument.name)] = argument.variadic ? value : value[0];
      }
      const words = [spec.name, ...before, ...(escaped ? ['--'] : []), ...operands, ...after];
      return { words, command: { name: spec.name, parameters }, closed: full || !escaped };
    });
}

/** Only the last command may take all that follows. */
const chain = fc
  .array(fc.oneof(...specs.map(sampleOf)), { minLength: 1, maxLength: 6 })
  .filter((samples) => samples.slice(0, -1).every(({ closed }) => closed));

const settings = fc.record<Settings>(
  {
    verbose: fc.constant(true),
    debug: fc.constant(true),
    undoFile: fc.constantFrom('/run/undo', '/run/an undo', '/run/undo=file'),
    dryRun: fc.constant(true),
    json: fc.constant(true),
    keepGoing: fc.constant(true),
    force: fc.constant(true),
    wait: fc.nat(),
  },
  { requiredKeys: [] },
);

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const globals = (given: Settings, joined: boolean): string[] =>
  Object.entries(given).flatMap(([name, value]) => {
    const long = `--${kebab(name)}`;
    if (value === true) return [long];
    return joined ? [`${long}=${value}`] : [long, String(value)];
  });

it('a chain is read as it was meant', () => {
  fc.assert(
    fc.property(settings, fc.boolean(), chain, (given, joined, samples) => {
      const argv = [...globals(given, joined), ...samples.flatMap(({ words }) => words)];
      const expected = { kind: 'run', settings: given, commands: samples.map(({ command }) => command) };
      expect(parseRequest(argv, specs)).toEqual(expected);
    }),
    { numRuns: 3000 },
  );
});

it('nothing that can be typed makes it throw anything but a usage error', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      try {
        parseRequest(argv, specs);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_USAGE' });
      }
    }),
    { numRuns: 3000 },
  );
});

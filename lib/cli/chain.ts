/**
 * The grammar of a chain: `COMMAND1 [ARGS]... [COMMAND2 [ARGS]...]...`. Nothing marks where a command ends but the
 * number of arguments that it takes, so the chain is split by the commands' specs.
 *
 * - Options stand before, between or after a command's arguments. Of one that is given twice, the last counts.
 * - A required argument is whatever word comes; an optional or variadic one is not taken from a command's name.
 * - After `--`, words are arguments, whatever they look like, until the command has all that it can take.
 */
import { UsageError } from '../errors.js';
import type { ActionSpec } from '../index.js';
import { usageOf } from './help.js';
import { isGlobalOption } from './options.js';
import { suggest } from './suggest.js';

/** A lone dash is an argument, and so is what looks like a negative number, as commander has it. */
const OPTION = /^-[^\d.]/;

/** One command of the chain, its words told apart. */
export interface Segment {
  readonly spec: ActionSpec;
  /** Each a word of its own, `--name` or `--name=value`. */
  readonly options: readonly string[];
  readonly operands: readonly string[];
}

/**
 * The commands of a chain. Each is handed out before the next is looked for: so a caller that checks them as they come
 * meets the leftmost fault, not one that follows from it.
 * @throws UsageError
 */
export function* split(words: readonly string[], specs: readonly ActionSpec[]): Generator<Segment> {
  const commands = new Map(specs.map((spec) => [spec.name, spec]));
  const rest = [...words];
  let previous: ActionSpec | undefined;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    const spec = commands.get(name);
    if (spec === undefined) throw notACommand(name, previous, [...commands.keys()]);
    yield takeSegment(spec, rest, commands);
    previous = spec;
  }
}

/** Takes from the front of `rest` what belongs to a command. */
function takeSegment(spec: ActionSpec, rest: string[], commands: ReadonlyMap<string, ActionSpec>): Segment {
  const options: string[] = [];
  const operands: string[] = [];
  const { least, most } = arity(spec);
  for (let word = rest[0]; word !== undefined; word = rest[0]) {
    if (word === '--') {
      rest.shift();
      operands.push(...rest.splice(0, most - operands.length));
      break;
    }
    const isOption = OPTION.test(word);
    const isNext = operands.length === most || (operands.length >= least && commands.has(word));
    if (!isOption && isNext) break;
    rest.shift();
    if (isOption) options.push(takeOption(spec, word, rest));
    else operands.push(word);
  }
  return { spec, options, operands };
}

/** How many arguments a command takes. */
function arity(spec: ActionSpec): { least: number; most: number } {
  const least = spec.arguments.filter((argument) => argument.optional !== true).length;
  const variadic = spec.arguments.some((argument) => argument.variadic === true);
  return { least, most: variadic ? Number.POSITIVE_INFINITY : spec.arguments.length };
}

/** An option as one word; a value that is a word of its own is taken from `rest`. */
function takeOption(spec: ActionSpec, word: string, rest: string[]): string {
  const long = spellOut(spec, word);
  const option = spec.options.find(({ name }) => long === `--${name}` || long.startsWith(`--${name}=`));
  if (option === undefined && long === word && isGlobalOption(word)) throw misplaced(spec, word);
  if (option?.value === undefined || long.includes('=')) return long;
  const value = rest.shift();
  if (value === undefined) {
    throw new UsageError(`${spec.name}: option '${long}' needs a value`, { remedy: `usage: ${usageOf(spec)}` });
  }
  return `${long}=${value}`;
}

/** The original's short tokens, which look like bundles of letters and are none: `-mm` for `--mem-migrate`. */
function spellOut(spec: ActionSpec, word: string): string {
  for (const { name, short } of spec.options) {
    if (short === undefined) continue;
    if (word === `-${short}`) return `--${name}`;
    if (word === `-n${short}`) return `--no-${name}`;
  }
  return word;
}

function misplaced(spec: ActionSpec, word: string): UsageError {
  return new UsageError(`${spec.name}: '${word}' is an option of the whole run`, {
    remedy: `put it before the first command: vfio-isolate ${word} ...`,
  });
}

function notACommand(word: string, previous: ActionSpec | undefined, names: readonly string[]): UsageError {
  const meant = suggest(word, names);
  if (meant !== undefined) return new UsageError(`unknown command '${word}'`, { remedy: `did you mean ${meant}?` });
  if (previous === undefined) return new UsageError(`unknown command '${word}'`, { remedy: 'see vfio-isolate --help' });
  return new UsageError(`${previous.name}: unexpected argument '${word}'`, { remedy: `usage: ${usageOf(previous)}` });
}

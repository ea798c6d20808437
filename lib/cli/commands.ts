/** From the words of one command to its parameters: a commander Command built from the spec checks and names them. */
import { Argument, InvalidArgumentError, Option, type Command as Parser } from 'commander';
import { UsageError } from '../errors.js';
import {
  type ActionSpec,
  type ArgumentSpec,
  type Command,
  type OptionSpec,
  type Parameters,
  parameterName,
} from '../index.js';
import type { Segment } from './chain.js';
import { usageOf } from './help.js';
import { newParser, parse } from './parser.js';

/**
 * @returns undefined where the command's help was asked for instead
 * @throws UsageError
 */
export function parseCommand({ spec, options, operands }: Segment): Command | undefined {
  const parser = parserFor(spec);
  try {
    if (!parse(parser, [...options, '--', ...operands], `usage: ${usageOf(spec)}`)) return undefined;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${spec.name}: ${error.message}`, { remedy: error.remedy });
  }
  return { name: spec.name, parameters: { ...parser.opts(), ...named(spec, parser.processedArgs) } };
}

function parserFor(spec: ActionSpec): Parser {
  const parser = newParser(spec.name).allowExcessArguments(false);
  for (const argument of spec.arguments) parser.addArgument(toArgument(argument));
  for (const option of spec.options) for (const form of toOptions(option)) parser.addOption(form);
  return parser;
}

function toArgument({ name, help, type, optional, variadic }: ArgumentSpec): Argument {
  const word = variadic === true ? `${name}...` : name;
  const argument = new Argument(optional === true ? `[${word}]` : `<${word}>`, help);
  if (typeof type === 'string') return argument;
  const choose = oneOf(type);
  if (variadic !== true) return argument.argParser(choose);
  return argument.argParser((word, before: readonly string[] = []) => [...before, choose(word)]);
}

/** A flag has two forms and no default: whether it was given at all makes a difference. */
function toOptions({ name, help, value }: OptionSpec): Option[] {
  if (value === undefined) return [new Option(`--${name}`, help), new Option(`--no-${name}`, help)];
  const option = new Option(`--${name} <${value.name}>`, help);
  return [typeof value.type === 'string' ? option : option.argParser(oneOf(value.type))];
}

/** Upper and lower case alike, as in the original. */
function oneOf(choices: readonly string[]): (word: string) => string {
  return (word) => {
    const choice = choices.find((one) => one.toLowerCase() === word.toLowerCase());
    if (choice === undefined) throw new InvalidArgumentError(`Allowed are ${choices.join(', ')}`);
    return choice;
  };
}

function named(spec: ActionSpec, values: readonly unknown[]): Parameters {
  const given = spec.arguments.map((argument, index) => [parameterName(argument.name), values[index]] as const);
  // commander has an empty list for a variadic argument that was not given.
  const isGiven = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : value !== undefined);
  return Object.fromEntries(given.filter(([, value]) => isGiven(value))) as Parameters;
}

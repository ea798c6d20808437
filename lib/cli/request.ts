/** What a command line asks for. */
import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command as Parser } from 'commander';
import { UsageError } from '../errors.js';
import type { ActionSpec, Command, Parameters } from '../index.js';
import { split } from './chain.js';
import { parseCommand } from './commands.js';
import { demoSpec } from './demo-spec.js';
import { globalOptions } from './options.js';
import { newParser, parse } from './parser.js';
import { recordsSpec } from './records-spec.js';
import { verbs } from './verbs.js';

/** The values of the global options, by their camel-case names. */
export interface Settings {
  readonly verbose?: true;
  readonly debug?: true;
  readonly undoFile?: string;
  readonly noUndo?: true;
  readonly dryRun?: true;
  readonly json?: true;
  readonly keepGoing?: true;
  readonly force?: true;
  readonly wait?: number;
  readonly version?: true;
}

export type Request =
  /** Of one command, or of the program. */
  | { readonly kind: 'help'; readonly spec?: ActionSpec }
  | { readonly kind: 'version' }
  | { readonly kind: 'demo'; readonly settings: Settings }
  | { readonly kind: 'records'; readonly parameters: Parameters; readonly settings: Settings }
  | RunRequest;

export interface RunRequest {
  readonly kind: 'run';
  readonly commands: readonly Command[];
  readonly settings: Settings;
}

/**
 * @param specs every command's, those that stand alone included
 * @throws UsageError
 */
export function parseRequest(argv: readonly string[], specs: readonly ActionSpec[]): Request {
  // What follows the first word that is no global option is the chain.
  const parser = newParser('vfio-isolate').passThroughOptions().allowExcessArguments();
  for (const option of globalOptions) parser.addOption(toOption(option));
  if (!parse(parser, argv, 'see vfio-isolate --help')) return { kind: 'help' };
  const settings = settingsOf(parser);
  if (settings.version) return { kind: 'version' };
  checkUndoFile(settings, specs);
  const [first] = parser.args;
  if (first === recordsSpec.name) return forRecords(parser.args, settings);

  const commands: Command[] = [];
  for (const segment of split(parser.args, specs)) {
    const command = parseCommand(segment);
    if (command === undefined) return { kind: 'help', spec: segment.spec };
    commands.push(command);
  }
  return requestFor(commands, settings);
}

function requestFor(commands: readonly Command[], settings: Settings): Request {
  if (commands.length === 0) throw new UsageError('no command given', { remedy: 'see vfio-isolate --help' });
  const alone = verbs.find((verb) => commands.some(({ name }) => name === verb.name));
  if (alone !== undefined && commands.length > 1) {
    throw new UsageError(`${alone.name} stands alone: it cannot be part of a chain`);
  }
  if (alone === demoSpec) {
    requireNone(settings, ['debug'], 'demo takes no option but -d');
    return { kind: 'demo', settings };
  }
  for (const command of commands) checkNotRestored(command, settings.undoFile);
  return { kind: 'run', commands, settings };
}

/** Options may also follow it: nothing of a chain comes after. */
function forRecords(words: readonly string[], before: Settings): Request {
  const parser = newParser('vfio-isolate').allowExcessArguments();
  for (const option of globalOptions) parser.addOption(toOption(option));
  if (!parse(parser, words, 'see vfio-isolate records --help')) return { kind: 'help', spec: recordsSpec };
  const settings = { ...before, ...settingsOf(parser) };
  requireNone(settings, ['debug', 'json'], 'records takes no option but --json and -d');
  const [segment] = split(parser.args, [recordsSpec]);
  const { parameters = {} } = (segment && parseCommand(segment)) ?? {};
  return { kind: 'records', parameters, settings };
}

function requireNone(settings: Settings, but: readonly string[], message: string): void {
  if (Object.keys(settings).some((name) => !but.includes(name))) throw new UsageError(message);
}

/** For `--no-undo`, commander has an option `undo` that is true unless it is given. */
function settingsOf(parser: Parser): Settings {
  const { undo, ...settings } = parser.opts<Settings & { undo: boolean }>();
  return undo ? settings : { ...settings, noUndo: true };
}

function toOption({ name, short, value, help }: (typeof globalOptions)[number]): Option {
  const letter = short === undefined ? '' : `-${short}, `;
  const option = new Option(`${letter}--${name}${value === undefined ? '' : ` <${value}>`}`, help);
  return name === 'wait' ? option.argParser(toSeconds) : option;
}

function toSeconds(word: string): number {
  if (!/^\d+(\.\d+)?$/.test(word)) throw new InvalidArgumentError('It takes a number of seconds, 0 or more');
  return Number(word);
}

/** A script whose `-u $FILE` came out empty would have the next word taken for the file. */
function checkUndoFile({ undoFile: file, noUndo }: Settings, specs: readonly ActionSpec[]): void {
  if (file === undefined) return;
  if (noUndo) throw new UsageError('-u and --no-undo contradict each other');
  if (file === '') throw new UsageError('the undo file has an empty name');
  if (!file.startsWith('-') && specs.every(({ name }) => name !== file)) return;
  throw new UsageError(`'${file}' stands where the undo file is expected`, {
    remedy: `write ./${file} for a file of that name`,
  });
}

/** The record of how to redo cannot replace the record that is being restored. */
function checkNotRestored({ name, parameters }: Command, undo: string | undefined): void {
  if (name !== 'restore' || undo === undefined) return;
  const same = Object.values(parameters).some((value) => typeof value === 'string' && resolve(value) === resolve(undo));
  if (same) throw new UsageError(`restore: '${undo}' is also the undo file`, { remedy: 'give -u another file' });
}

/** What a command line asks for. */
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../errors.js';
import type { ActionSpec, Command } from '../index.js';
import { split } from './chain.js';
import { parseCommand } from './commands.js';
import { demoSpec } from './demo-spec.js';
import { globalOptions } from './options.js';
import { newParser, parse } from './parser.js';

/** The values of the global options, by their camel-case names. */
export interface Settings {
  readonly verbose?: true;
  readonly debug?: true;
  readonly undoFile?: string;
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
  | RunRequest;

export interface RunRequest {
  readonly kind: 'run';
  readonly commands: readonly Command[];
  readonly settings: Settings;
}

/**
 * @param specs every command's, that of `demo` included
 * @throws UsageError
 */
export function parseRequest(argv: readonly string[], specs: readonly ActionSpec[]): Request {
  // What follows the first word that is no global option is the chain.
  const parser = newParser('vfio-isolate').passThroughOptions().allowExcessArguments();
  for (const option of globalOptions) parser.addOption(toOption(option));
  if (!parse(parser, argv, 'see vfio-isolate --help')) return { kind: 'help' };
  const settings: Settings = parser.opts();
  if (settings.version) return { kind: 'version' };
  checkUndoFile(settings.undoFile, specs);

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
  if (commands.some(({ name }) => name === demoSpec.name)) {
    if (commands.length > 1) throw new UsageError('demo stands alone: it cannot be part of a chain');
    const { debug: _, ...rest } = settings;
    if (Object.keys(rest).length > 0) throw new UsageError('demo takes no option but -d');
    return { kind: 'demo', settings };
  }
  for (const command of commands) checkNotRestored(command, settings.undoFile);
  return { kind: 'run', commands, settings };
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
function checkUndoFile(file: string | undefined, specs: readonly ActionSpec[]): void {
  if (file === undefined) return;
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

/** commander, taught to report a fault as a {@link UsageError} instead of writing about it and leaving. */
import { Command, CommanderError, Option } from 'commander';
import { UsageError } from '../errors.js';

/** Of all parsers. */
const HELP = new Option('--help');

export function newParser(name: string): Command {
  const mute = (): void => {};
  return new Command(name)
    .exitOverride()
    .configureOutput({ writeOut: mute, writeErr: mute, outputError: mute })
    .addHelpOption(HELP);
}

/**
 * Has commander parse words.
 * @param hint the remedy where commander suggests none
 * @returns false where help was asked for instead
 * @throws UsageError
 */
export function parse(parser: Command, words: readonly string[], hint: string): boolean {
  try {
    parser.parse(words, { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return false;
    throw translated(error, hint);
  }
}

/** commander's `error: unknown option '--cpu'\n(Did you mean --cpus?)`, taken apart. */
function translated(error: CommanderError, hint: string): UsageError {
  const [, message, suggestion] = /^(?:error: )?(.*?)\.?(?:\n\(Did you mean (.*)\?\))?$/s.exec(error.message) ?? [];
  return new UsageError(message ?? error.message, { remedy: suggestion ? `did you mean ${suggestion}?` : hint });
}

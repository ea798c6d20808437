/** All that a command line may need but for `--version`: one script, with V8's code cache (script.ts). */
import { actions, run } from '../index.js';
import { processIo } from './io.js';
import { globalOptions } from './options.js';
import { program } from './program.js';

/** Does what the words of a command line ask for, and sets the exit status. */
export async function command(argv: readonly string[]): Promise<void> {
  const io = processIo();
  process.exitCode = await program(argv, io, { actions, run });
  io.end();
}

const PARTS: ReadonlySet<string> = new Set([
  ...globalOptions.flatMap(({ name, short }) => (short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`])),
  '--help',
  ...actions.map(({ spec }) => spec.name),
]);

/** The words of a command line for which other functions run than for the rest. */
export function partsOf(argv: readonly string[]): string[] {
  return argv.filter((word) => PARTS.has(word));
}

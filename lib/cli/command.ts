/** All that a command line may need but for `--version`: one script, with V8's code cache (script.ts). */
import { actions, records, run } from '../index.js';
import { remember } from './code-cache-update.js';
import { foreignCodeWarning } from './foreign-code.js';
import { processIo } from './io.js';
import { oneLine } from './line.js';
import { globalOptions } from './options.js';
import { program } from './program.js';
import type { Loaded } from './script.js';

/** Does what the words of a command line ask for, and ends the process. @param script that this is in */
export async function command(argv: readonly string[], script: Loaded): Promise<void> {
  remember(script, partsOf(argv));
  const io = processIo();
  const warning = io.isTerminal ? foreignCodeWarning() : undefined;
  if (warning !== undefined) io.err(`vfio-isolate: ${oneLine(warning)}\n`);
  io.end(await program(argv, io, { actions, records, run }));
}

/** The words of a command line for which other functions run than for the rest. */
function partsOf(argv: readonly string[]): string[] {
  const parts = new Set([
    ...globalOptions.flatMap(({ name, short }) => (short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`])),
    '--help',
    ...actions.map(({ spec }) => spec.name),
  ]);
  return argv.filter((word) => parts.has(word));
}

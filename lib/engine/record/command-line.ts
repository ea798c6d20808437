/** What a record says who asked for a run. */
import { basename } from 'node:path';
import { shellLine } from '../../sets/shell.js';

/** This process's command line. */
export function ownCommandLine(): string {
  const [, script = 'node', ...words] = process.argv;
  return shellLine([basename(script), ...words]);
}

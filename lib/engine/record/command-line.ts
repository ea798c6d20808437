/** What a record says who asked for a run. */
import { basename } from 'node:path';
import { shortened } from '../../errors.js';

const PLAIN = /^[\w@%+=:,./-]+$/;
const LONGEST = 2000;

/** Words as a shell would take them. */
export function commandLineOf(words: readonly string[]): string {
  const spelled = words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return shortened(spelled.join(' '), LONGEST);
}

/** This process's. */
export function ownCommandLine(): string {
  const [, script = 'node', ...words] = process.argv;
  return commandLineOf([basename(script), ...words]);
}

/** The options of a whole run, which stand before the first command: the parser and the help are built from this list. */

export interface GlobalOption {
  readonly name: string;
  /** One letter, without dash; such letters can be bundled: `-vd`. */
  readonly short?: string;
  /** What its value is called; without, it is a flag. */
  readonly value?: string;
  readonly help: string;
}

export const globalOptions: readonly GlobalOption[] = [
  { name: 'verbose', short: 'v', help: 'enable verbose output' },
  { name: 'debug', short: 'd', help: 'enable debug output' },
  {
    name: 'undo-file',
    short: 'u',
    value: 'undo-file',
    help: 'Create a file that describes the operations needed to undo',
  },
  { name: 'no-undo', help: 'keep no undo record: nothing can be restored afterwards' },
  { name: 'dry-run', short: 'n', help: 'print what would change, and change nothing' },
  { name: 'json', help: 'print the result as one JSON object' },
  { name: 'keep-going', help: 'go on after a command that failed, and keep what the others did' },
  { name: 'force', help: "do what is refused for safety's sake" },
  {
    name: 'wait',
    value: 'seconds',
    help: 'wait at most so long for another run to end (default: 10, for restore 120)',
  },
  { name: 'version', help: 'Show the version and exit.' },
];

/** Whether a word is one of the global options, in any spelling: `-v`, `-vd`, `-uFILE`, `--wait`, `--wait=5`. */
export function isGlobalOption(word: string): boolean {
  if (word.startsWith('--'))
    return globalOptions.some(({ name }) => word === `--${name}` || word.startsWith(`--${name}=`));
  for (const letter of word.slice(1)) {
    const option = globalOptions.find(({ short }) => short === letter);
    if (option === undefined) return false;
    // The rest of the word is its value.
    if (option.value !== undefined) return true;
  }
  return true;
}

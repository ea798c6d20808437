/** What the completions of all shells are made of: for each place in a command line, the words that may stand there. */
import type { ActionSpec, ValueType } from '../../index.js';
import { globalOptions } from '../options.js';

const NODES = 'ls /sys/devices/system/node 2>/dev/null | sed -n s/^node/N/p';

/**
 * The names of cpusets, by find(1). Whoever may make a cgroup chooses its name. So a name that holds anything but these
 * characters is not offered: no shell expands them, but for the backslash of systemd's own escapes, which it has to quote.
 */
const CPUSETS =
  'root=/sys/fs/cgroup/cpuset; [ -d $root ] || root=/sys/fs/cgroup; LC_ALL=C find $root -mindepth 1 -maxdepth 3 ' +
  "\\( -name '*[!A-Za-z0-9._@:+%,=\\\\-]*' -prune \\) -o -type d -printf '/%P\\n' 2>/dev/null";

/** Commands of sh(1) that print the words of a type, one a line. Files are completed by each shell itself. */
const PRINTING: Readonly<Record<Exclude<ValueType, 'file' | readonly string[]>, string>> = {
  cpus: `echo C$(cat /sys/devices/system/cpu/online); ${NODES}`,
  nodes: NODES,
  cpuset: CPUSETS,
  governor: 'printf "%s\\n" $(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors 2>/dev/null)',
  pid: 'ps -e -o pid= | tr -d " "',
};

export type Words = { readonly file: true } | { readonly printedBy: string };

/** @returns what is offered for a value of a type */
export function wordsFor(type: ValueType): Words {
  if (type === 'file') return { file: true };
  return { printedBy: typeof type === 'string' ? PRINTING[type] : printing(type) };
}

/** A command of sh(1) that prints words of our own, one a line. */
export function printing(words: readonly string[]): string {
  return `printf '%s\\n' ${words.join(' ')}`;
}

export interface Place {
  /** The command that it belongs to. */
  readonly command: string;
  /** Which of its arguments it is, from 0; '*' is that one and all further ones. */
  readonly position: number | '*';
  readonly words: Words;
  /** Another command may stand there as well. */
  readonly optional: boolean;
}

/** The places of all arguments. */
export function placesOf(specs: readonly ActionSpec[]): Place[] {
  return specs.flatMap(({ name, arguments: list }) =>
    list.map(
      ({ type, optional, variadic }, index): Place => ({
        command: name,
        position: variadic === true ? '*' : index,
        words: wordsFor(type),
        optional: optional === true,
      }),
    ),
  );
}

export interface OptionWord {
  /** '' before the first command. */
  readonly command: string;
  /** With its dashes. */
  readonly word: string;
  readonly help: string;
  /** What its value may be; a flag has none. */
  readonly value?: Words;
}

/** Every spelling of every option. */
export function optionWords(specs: readonly ActionSpec[]): OptionWord[] {
  const ofRun = globalOptions.flatMap(({ name, short, value, help }): OptionWord[] =>
    spellings(name, short).map((word) => ({
      command: '',
      word,
      help,
      ...(value !== undefined && { value: value === 'undo-file' ? { file: true } : { printedBy: ':' } }),
    })),
  );
  const ofCommands = specs.flatMap(({ name: command, options }) =>
    options.flatMap(({ name, short, value, help }): OptionWord[] => {
      if (value !== undefined) return [{ command, word: `--${name}`, help, value: wordsFor(value.type) }];
      const negated = short === undefined ? [] : [`-n${short}`];
      return [...spellings(name, short), `--no-${name}`, ...negated].map((word) => ({ command, word, help }));
    }),
  );
  const help = ['', ...specs.map(({ name }) => name)].map((command) => ({
    command,
    word: '--help',
    help: 'show help and exit',
  }));
  return [...ofRun, ...ofCommands, ...help];
}

const spellings = (name: string, short: string | undefined) => [
  `--${name}`,
  ...(short === undefined ? [] : [`-${short}`]),
];

/** In single quotes, for any of the shells. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}

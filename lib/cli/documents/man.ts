/** The man page, in the macros of man(7). */
import type { ActionSpec } from '../../index.js';
import { DONE, FAILED, LOCKED, USAGE } from '../exit.js';
import { usageOf } from '../help.js';
import { globalOptions } from '../options.js';

export function manPage(specs: readonly ActionSpec[], version: string): string {
  return `${[
    `.TH VFIO\\-ISOLATE 8 "" ${quoted(`vfio-isolate ${version}`)} "System Administration"`,
    ...section('NAME', [text('vfio-isolate - CPU and memory isolation with an exact undo')]),
    ...section('SYNOPSIS', ['.B vfio\\-isolate', text('[OPTIONS] COMMAND1 [ARGS]... [COMMAND2 [ARGS]...]...')]),
    ...section('DESCRIPTION', paragraphs(DESCRIPTION)),
    ...section(
      'OPTIONS',
      globalOptions.flatMap(({ name, short, value, help }) =>
        item([...(short === undefined ? [] : [`-${short}`]), `--${name}`], value, help),
      ),
    ),
    ...section('COMMANDS', specs.flatMap(command)),
    ...section('CPU SETS', paragraphs(CPU_SETS)),
    ...section(
      'EXIT STATUS',
      EXIT_STATUS.flatMap(([status, meaning]) => item([status], undefined, meaning)),
    ),
    ...section(
      'ENVIRONMENT',
      ENVIRONMENT.flatMap(([name, meaning]) => item([name], undefined, meaning)),
    ),
    ...section(
      'FILES',
      FILES.flatMap(([path, meaning]) => ['.TP', `.I ${text(path)}`, text(meaning)]),
    ),
    ...section('SECURITY', paragraphs(SECURITY)),
    ...section('SEE ALSO', [SEE_ALSO.map(([page, number]) => `.BR ${text(page)} (${number})`).join(' ,\n')]),
  ].join('\n')}\n`;
}

const DESCRIPTION = [
  'Gives a virtual machine, or any latency-critical process, its own CPUs, keeps everything else off them, and puts the ' +
    'host back exactly as it was. Commands are written one after the other and hold as a whole, or are rolled back; ' +
    'SIGINT, SIGTERM and SIGHUP roll them back too. Options stand before the first command.',
  'How to undo each change is recorded in /run/vfio-isolate before it is made. Killed at any instant, "vfio-isolate ' +
    'restore FILE" brings the host back, where FILE is the name that -u gave to the record. One that still holds something ' +
    'is appended to, and the first-seen values are kept; one that has been restored, or that is of an earlier boot, starts ' +
    'anew. What somebody else has changed since is left and reported, but for interrupt affinities. A run without -u has a ' +
    'numbered record, and "vfio-isolate restore" undoes the last run that still holds something.',
];

const CPU_SETS = [
  'A CPU set that begins with C lists CPUs (C0-3,8) or is a mask (C000000ff,00000000: groups of eight hexadecimal ' +
    'digits). One that begins with N names NUMA nodes (N0), which stand for all their CPUs. C0-7:1/2 (the first of every ' +
    'two), C0-31:2 (every second) and Call work too. Memory nodes are given as N alone.',
];

const EXIT_STATUS = [
  [String(DONE), 'All is done.'],
  [String(FAILED), 'Something failed, and was rolled back; of a restore: not all could be restored.'],
  [String(USAGE), 'The command line is wrong. Nothing was changed.'],
  [String(LOCKED), 'Another run held the lock for longer than --wait says.'],
  ['128+N', 'Stopped by signal N, and rolled back.'],
] as const;

const ENVIRONMENT = [
  ['NO_COLOR', 'Where it is set and not empty, messages have no colour.'],
  ['TERM', 'Where it is "dumb": likewise.'],
] as const;

const FILES = [
  ['/run/vfio-isolate/lock', 'Held while a run changes the host. Two runs never overlap.'],
  [
    '/run/vfio-isolate',
    'The undo records, mode 0700, root alone: text, one JSON object a line with its checksum. They mean nothing after a reboot.',
  ],
  [
    'FILE of -u',
    "A name. If the way to it is root's alone, it is a link to the record for as long as that holds something; nobody reads it.",
  ],
  [
    '/etc/libvirt/hooks/qemu',
    'Where libvirt looks for a hook that isolates before a domain starts, and restores after it.',
  ],
] as const;

const SECURITY = [
  "A folder of the records that is not root's alone is refused, and so is a record that has another owner, a second name or " +
    "a wrong checksum. What lies at a record's name, or on the way to it, is never read. Nothing outside of sysfs, procfs " +
    'and cgroup file systems is ever written by a record, each confirmed by statfs(2), and nothing through a link.',
  'Run it by its full path where sudo resets PATH, and install it where only root may write.',
];

const SEE_ALSO = [
  ['cgroups', 7],
  ['cpuset', 7],
  ['sched_setaffinity', 2],
  ['systemd.resource-control', 5],
  ['taskset', 1],
  ['virsh', 1],
] as const;

function command(spec: ActionSpec): string[] {
  return [
    `.SS ${quoted(usageOf(spec).replace(/^vfio-isolate /, ''))}`,
    ...paragraphs(spec.description),
    ...spec.arguments.flatMap(({ name, help }) => ['.TP', `.I ${text(name)}`, text(help)]),
    ...spec.options.flatMap(({ name, short, value, help }) => {
      if (value !== undefined) return item([`--${name}`], value.name, help);
      const letters = short === undefined ? [] : [`-${short}`, `-n${short}`];
      return item([...letters, `--${name}`, `--no-${name}`], undefined, help);
    }),
    ...spec.examples.flatMap(({ line, effect }) => [
      '.PP',
      `${text(effect)}:`,
      '.PP',
      '.EX',
      `\\&  ${text(line)}`,
      '.EE',
    ]),
  ];
}

const section = (title: string, lines: readonly string[]): string[] => [`.SH ${quoted(title)}`, ...lines];

const paragraphs = (list: readonly string[]): string[] =>
  list.flatMap((paragraph, index) => [...(index === 0 ? [] : ['.PP']), text(paragraph)]);

/** A tagged paragraph for all spellings of something. */
function item(spellings: readonly string[], value: string | undefined, meaning: string): string[] {
  const words = spellings.map((word) => `\\fB${text(word)}\\fR`).join(', ');
  return ['.TP', value === undefined ? words : `${words} \\fI${text(value)}\\fR`, text(meaning)];
}

/** A line of text: no backslash, hyphen, quote or leading dot of it means anything to the formatter. */
function text(plain: string): string {
  return plain.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
}

/** An argument of a macro. */
const quoted = (plain: string): string => `"${text(plain).replaceAll('"', '\\(dq')}"`;

/** Help, made from the specs, in the manner of the original's (click). */
import type { ActionSpec, ArgumentSpec, OptionSpec } from '../index.js';
import { type GlobalOption, globalOptions } from './options.js';

type Row = readonly [term: string, text: string];

/** As click has it: a longer term has a line of its own. */
const WIDEST_TERM = 30;

const HELP: Row = ['--help', 'Show this message and exit.'];

/** `vfio-isolate --help`. */
export function programHelp(specs: readonly ActionSpec[], width: number): string {
  const commands = specs.map((spec): Row => [spec.name, spec.summary]);
  return page([
    'Usage: vfio-isolate [OPTIONS] COMMAND1 [ARGS]... [COMMAND2 [ARGS]...]...',
    section('Options', [...globalOptions.map(globalRow), HELP], width),
    section('Commands', commands.sort(byTerm), width),
  ]);
}

/** `vfio-isolate COMMAND --help`. */
export function commandHelp(spec: ActionSpec, width: number): string {
  return page([
    `Usage: ${usageOf(spec)}`,
    ...spec.description.map((paragraph) => wrap(paragraph, 2, width)),
    section(
      'Arguments',
      spec.arguments.map((argument): Row => [argumentTerm(argument), argument.help]),
      width,
    ),
    section('Options', [...spec.options.map(optionRow), HELP], width),
    spec.examples.length > 0
      ? ['Examples:', ...spec.examples.map((example) => exampleOf(example, width))].join('\n')
      : '',
  ]);
}

/** A command's own usage line: `vfio-isolate move-tasks <from> <to>`. */
export function usageOf(spec: ActionSpec): string {
  const options = spec.options.length > 0 ? ['[OPTIONS]'] : [];
  return ['vfio-isolate', spec.name, ...options, ...spec.arguments.map(argumentTerm)].join(' ');
}

function argumentTerm({ name, optional, variadic, type }: ArgumentSpec): string {
  const word = typeof type === 'string' ? `<${name}>` : type.join('|');
  const repeated = variadic === true ? `${word}...` : word;
  return optional === true ? `[${repeated}]` : repeated;
}

function optionRow({ name, short, value, help }: OptionSpec): Row {
  if (value !== undefined) return [`--${name} <${value.name}>`, help];
  const [yes, no] = short === undefined ? ['', ''] : [`-${short}, `, `-n${short}, `];
  return [`${yes}--${name} / ${no}--no-${name}`, help];
}

function globalRow({ name, short, value, help }: GlobalOption): Row {
  const letter = short === undefined ? '' : `-${short}, `;
  return [`${letter}--${name}${value === undefined ? '' : ` <${value}>`}`, help];
}

function exampleOf({ line, effect }: ActionSpec['examples'][number], width: number): string {
  return `  ${line}\n${wrap(effect, 6, width)}`;
}

const byTerm = (a: Row, b: Row): number => (a[0] < b[0] ? -1 : 1);

const page = (parts: readonly string[]): string => `${parts.filter((part) => part !== '').join('\n\n')}\n`;

/** A titled list in two columns. */
function section(title: string, rows: readonly Row[], width: number): string {
  if (rows.length === 0) return '';
  const widest = Math.max(...rows.map(([term]) => term.length));
  const column = Math.min(widest, WIDEST_TERM) + 4;
  const lines = rows.map(([term, text]) => {
    const wrapped = wrap(text, column, width);
    return term.length + 4 > column ? `  ${term}\n${wrapped}` : `  ${term}`.padEnd(column) + wrapped.slice(column);
  });
  return [`${title}:`, ...lines].join('\n');
}

/** Breaks a text at its spaces, each line indented. */
function wrap(text: string, indent: number, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(' '.repeat(indent) + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}

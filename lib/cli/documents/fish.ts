/** Completion for fish, a static file. */
import type { ActionSpec } from '../../index.js';
import { optionWords, placesOf, type Words } from './words.js';

export function fishCompletion(specs: readonly ActionSpec[]): string {
  const commands = specs.map(({ name }) => name);
  const options = optionWords(specs);
  const valued = options.filter(({ value }) => value !== undefined).map(({ command, word }) => `${command}:${word}`);
  const rule = (...parts: string[]) => ['complete -c vfio-isolate', ...parts].join(' ');
  const last = specs.map(({ name, arguments: list }) => {
    const least = list.filter(({ optional }) => optional !== true).length;
    return `        case ${name}\n            test $at[2] -ge ${least}`;
  });
  return `# fish completion of vfio-isolate, made from the commands' specs

# The command that the word at the cursor belongs to, or '', and how many of its arguments stand before it.
function __vfio_isolate_at
    set -l command ''
    set -l index 0
    set -l skip ''
    for word in (commandline -opc)[2..]
        if test -n "$skip"
            set skip ''
        else if contains -- "$command:$word" ${valued.join(' ')}
            set skip 1
        else if string match -q -- '-*' $word
        else if contains -- $word ${commands.join(' ')}
            set command $word
            set index 0
        else
            set index (math $index + 1)
        end
    end
    echo $command
    echo $index
end

function __vfio_isolate_is
    set -l at (__vfio_isolate_at)
    test "$at[1]" = "$argv[1]"; and begin
        test "$argv[2]" = '*'; or test "$at[2]" = "$argv[2]"
    end
end

function __vfio_isolate_may_begin
    set -l at (__vfio_isolate_at)
    switch "$at[1]"
        case ''
            true
${last.join('\n')}
    end
end

${rule('-f')}
${specs.map(({ name, summary }) => rule('-n __vfio_isolate_may_begin', `-a ${name}`, `-d ${quote(summary)}`)).join('\n')}
${placesOf(specs)
  .map(({ command, position, words }) =>
    rule(`-n ${quote(`__vfio_isolate_is ${command} '${position}'`)}`, offer(words)),
  )
  .join('\n')}
${options
  .map(({ command, word, help, value }) =>
    rule(
      `-n ${quote(`__vfio_isolate_is '${command}' '*'`)}`,
      spelled(word),
      ...(value === undefined ? [] : ['-r', offer(value)]),
      `-d ${quote(help)}`,
    ),
  )
  .join('\n')}
`;
}

/** Of a flag such as -mm, fish knows as "old style". */
function spelled(word: string): string {
  if (word.startsWith('--')) return `-l ${word.slice(2)}`;
  return word.length === 2 ? `-s ${word.slice(1)}` : `-o ${word.slice(1)}`;
}

function offer(words: Words): string {
  return 'file' in words ? '-F' : `-a ${quote(`(sh -c ${quote(words.printedBy)})`)}`;
}

/** In single quotes, where fish knows two escapes. */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

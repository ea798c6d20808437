/** Completion for bash, a static file. */
import type { ActionSpec } from '../../index.js';
import { optionWords, placesOf, quoted, type Words } from './words.js';

export function bashCompletion(specs: readonly ActionSpec[]): string {
  const commands = specs.map(({ name }) => name);
  const options = optionWords(specs);
  const valued = options.filter(({ value }) => value !== undefined);
  const offers = placesOf(specs).map(({ command, position, words, optional }) => {
    const more = optional ? ' && also=1' : '';
    return `  ${command}:${position}) ${offer(words)}${more} ;;`;
  });
  const ofCommand = (command: string) => options.filter((one) => one.command === command).map(({ word }) => word);
  return `# bash completion of vfio-isolate, made from the commands' specs

_vfio_isolate_offer() {
  mapfile -t COMPREPLY < <(compgen -W "$(sh -c "$1")" -- "$cur")
}

_vfio_isolate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command= index=0 also= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case $command:\${COMP_WORDS[i]} in
    ${valued.map(({ command, word }) => `${command}:${word}`).join(' | ')}) ((i++)) ;;
    *:-*) ;;
    *:${commands.join(' | *:')}) command=\${COMP_WORDS[i]} index=0 ;;
    *) ((index++)) ;;
    esac
  done
  case $command:$previous in
${valued.map(({ command, word, value }) => `  ${command}:${word}) ${offer(value as Words)}; return ;;`).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${['', ...commands].map((name) => `    ${quoted(name)}) _vfio_isolate_offer ${quoted(`echo ${ofCommand(name).join(' ')}`)} ;;`).join('\n')}
    esac
    return
  fi
  case $command:$index in
${offers.join('\n')}
  *) also=1 ;;
  esac
  if [[ $also ]]; then
    mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W ${quoted(commands.join(' '))} -- "$cur")
  fi
}

complete -F _vfio_isolate vfio-isolate
`;
}

function offer(words: Words): string {
  if ('file' in words) return 'mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null';
  return `_vfio_isolate_offer ${quoted(words.printedBy)}`;
}

/** Completion for bash, a static file. */
import type { ActionSpec } from '../../index.js';
import { optionWords, placesOf, printing, quoted, type Words } from './words.js';

export function bashCompletion(specs: readonly ActionSpec[]): string {
  const commands = specs.map(({ name }) => name);
  const options = optionWords(specs);
  const valued = options.filter(({ value }) => value !== undefined);
  const offers = placesOf(specs).map(({ command, position, words, optional }) => {
    const more = optional ? '; also=1' : '';
    return `  ${command}:${position}) ${offer(words)}${more} ;;`;
  });
  const ofCommand = (command: string) => options.filter((one) => one.command === command).map(({ word }) => word);
  return `# bash completion of vfio-isolate, made from the commands' specs

# Offers what a command prints, one word a line: each is quoted, and none is expanded.
_vfio_isolate_offer() {
  # Readline keeps what ends with the last of these, but for "@", and puts what is offered in the place of the rest.
  local word kept=\${cur%"\${cur##*["$COMP_WORDBREAKS"]}"}
  kept=\${kept%@}
  while IFS= read -r word; do
    printf -v word %q "$word"
    [[ $word == "$cur"* ]] && COMPREPLY+=("\${word#"$kept"}")
  done < <(sh -c "$1")
}

_vfio_isolate() {
  local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} cur previous command= index=0 also= i
  local -a words
  # COMP_WORDS are cut at ":" and "@", which names of units hold.
  read -ra words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=('')
  cur=\${words[-1]} previous=\${words[-2]}
  COMPREPLY=()
  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    case $command:\${words[i]} in
    ${valued.map(({ command, word }) => `${command}:${word}`).join(' | ')}) ((i++)) ;;
    *:-*) ;;
    *:${commands.join(' | *:')}) command=\${words[i]} index=0 ;;
    *) ((index++)) ;;
    esac
  done
  case $command:$previous in
${valued.map(({ command, word, value }) => `  ${command}:${word}) ${offer(value as Words)}; return ;;`).join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${['', ...commands].map((name) => `    ${quoted(name)}) _vfio_isolate_offer ${quoted(printing(ofCommand(name)))} ;;`).join('\n')}
    esac
    return
  fi
  case $command:$index in
${offers.join('\n')}
  *) also=1 ;;
  esac
  [[ -z $also ]] || _vfio_isolate_offer ${quoted(printing(commands))}
}

complete -F _vfio_isolate vfio-isolate
`;
}

function offer(words: Words): string {
  // Readline's own completion of files quotes what it offers.
  if ('file' in words) return 'compopt -o default';
  return `_vfio_isolate_offer ${quoted(words.printedBy)}`;
}

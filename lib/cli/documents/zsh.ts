/** Completion for zsh, a static file for a folder of its fpath. */
import type { ActionSpec } from '../../index.js';
import { optionWords, placesOf, quoted, type Words } from './words.js';

export function zshCompletion(specs: readonly ActionSpec[]): string {
  const commands = specs.map(({ name }) => name);
  const options = optionWords(specs);
  const valued = options.filter(({ value }) => value !== undefined);
  const described = (name: string, help: string) => quoted(`${name.replaceAll(':', '\\:')}:${help}`);
  const ofCommand = (command: string) =>
    options.filter((one) => one.command === command).map(({ word, help }) => described(word, help));
  return `#compdef vfio-isolate
# zsh completion of vfio-isolate, made from the commands' specs

local command= also= i
local -i index=0
local -a commands options
commands=(
${specs.map(({ name, summary }) => `  ${described(name, summary)}`).join('\n')}
)
for ((i = 2; i < CURRENT; i++)); do
  case $command:\${words[i]} in
  ${valued.map(({ command, word }) => `${command}:${word}`).join(' | ')}) ((i++)) ;;
  *:-*) ;;
  *:${commands.join(' | *:')}) command=\${words[i]} index=0 ;;
  *) ((index++)) ;;
  esac
done
case $command:\${words[CURRENT - 1]} in
${valued.map(({ command, word, value }) => `${command}:${word}) ${offer(value as Words)}; return ;;`).join('\n')}
esac
if [[ \${words[CURRENT]} == -* ]]; then
  case $command in
${['', ...commands].map((name) => `  ${quoted(name)}) options=(${ofCommand(name).join(' ')}) ;;`).join('\n')}
  esac
  _describe option options
  return
fi
case $command:$index in
${placesOf(specs)
  .map(
    ({ command, position, words, optional }) =>
      `${command}:${position}) ${offer(words)}${optional ? '; also=1' : ''} ;;`,
  )
  .join('\n')}
*) also=1 ;;
esac
[[ -z $also ]] || _describe command commands
`;
}

function offer(words: Words): string {
  return 'file' in words ? '_files' : `compadd -- \${(f)"$(sh -c ${quoted(words.printedBy)})"}`;
}

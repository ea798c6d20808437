/** Text from outside (file names, names of tasks) made fit for a terminal. */

/** Control characters, those of C1 among them, line separators, and what turns the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/** A text on one line, with no character in it that a terminal would act upon. */
export function oneLine(text: string): string {
  return text.replace(UNFIT, escaped);
}

/** The same for a text of several lines. */
export function manyLines(text: string): string {
  return text.split('\n').map(oneLine).join('\n');
}

function escaped(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

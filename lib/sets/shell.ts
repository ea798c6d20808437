/** Words as one line that a shell would take apart again. */

const PLAIN = /^[\w@%+=:,./-]+$/;

export function shellLine(words: readonly string[]): string {
  return words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(' ');
}

/** The command lines of the README, as a user copies them. */
import { readFileSync } from 'node:fs';

interface Block {
  readonly section: string;
  /** Which of its section's blocks of such languages it is, from 0. */
  readonly index: number;
  readonly language: string;
  readonly text: string;
}

/** What is to be run or installed, not what is output or a program's text. */
const LANGUAGES = new Set(['sh', 'ini']);

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const sections = README.split(/^## /m)
  .slice(1)
  .map((section) => ({ title: section.slice(0, section.indexOf('\n')), text: section }));

export const readmeBlocks: readonly Block[] = sections.flatMap(({ title, text }) =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, language = '']) => LANGUAGES.has(language))
    .map(([, language = '', block = ''], index) => ({ section: title, index, language, text: block })),
);

/** @throws Error where the README has no such block any more */
export function readmeBlock(section: string, index: number): string {
  const found = readmeBlocks.find((block) => block.section === section && block.index === index);
  if (found === undefined) throw new Error(`the README has no block ${index} in "${section}"`);
  return found.text;
}

/** The lines of this tool in the last column of a section's tables, in their order. */
export function readmeTable(section: string): string[] {
  const { text = '' } = sections.find(({ title }) => title === section) ?? {};
  return [...text.matchAll(/^\|.*\| `(vfio-isolate [^`]*)`[^|]* \|$/gm)].map(([, line = '']) => line);
}

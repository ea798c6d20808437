import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Stands in the message of every error that a fallen kernel brought about; such a test may be tried once more. */
export const oopsSign = 'kernel Oops';

/** Stands in the message about a guest whose clock had stopped, which emulation brings about as well. */
export const stoodStill = 'stood still';

const oops = /\bOops\b|\bBUG: |kernel BUG at|general protection fault/;

export const fellOver = (dir: string) => oops.test(consoleText(dir));

/** The end of a message about a guest that failed: an Oops by name, then the last lines of its console. */
export function consoleTail(dir: string): string {
  const text = consoleText(dir);
  const tail = text.trimEnd().split(/\r?\n/).slice(-25).join('\n');
  return `${oops.test(text) ? ` (${oopsSign})` : ''}; its console ends:\n${tail}`;
}

const consoleText = (dir: string) => readFileSync(join(dir, 'console.log'), 'utf8');

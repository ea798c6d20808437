import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version of this package; package.json is the one place that has it. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')).version;
}

/** What the package holds to be read and sourced, made from the commands' specs when it is built. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { actions } from '../../index.js';
import { packageVersion } from '../../version.js';
import { verbs } from '../verbs.js';
import { bashCompletion } from './bash.js';
import { fishCompletion } from './fish.js';
import { manPage } from './man.js';
import { zshCompletion } from './zsh.js';

/** Each by its path within `dist`. */
export function documents(): Readonly<Record<string, string>> {
  const specs = [...actions.map(({ spec }) => spec), ...verbs];
  return {
    'man/vfio-isolate.8': manPage(specs, packageVersion()),
    'completions/vfio-isolate.bash': bashCompletion(specs),
    'completions/_vfio-isolate': zshCompletion(specs),
    'completions/vfio-isolate.fish': fishCompletion(specs),
  };
}

export function writeDocuments(folder: string): void {
  for (const [path, text] of Object.entries(documents())) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exec } from '../exec.js';
import { cached } from './cache.js';

const source = fileURLToPath(new URL('../guest/snapshot.c', import.meta.url));

/** The guest's snapshot tool: static, so that it runs on any of them, and C, because node takes seconds to start there. */
export async function snapshotTool(): Promise<string> {
  const recipe = { builder: import.meta.url, ingredients: await readFile(source, 'utf8') };
  const dir = await cached('snapshot', recipe, async (into) => {
    await exec('cc', [
      '-std=c17',
      '-O1',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-static',
      '-o',
      join(into, 'snapshot'),
      source,
    ]);
  });
  return join(dir, 'snapshot');
}

// The cache of images: a result is whole or absent, and is built once.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cached } from './build/cache.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vfio-isolate-cache-'));
  vi.stubEnv('VFIO_ISOLATE_VM_CACHE', root);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

const recipe = (ingredients: string) => ({ builder: import.meta.url, ingredients });

test('what an interrupted build leaves is never taken for a result', async () => {
  const interrupted = cached('thing', recipe('a'), async (dir) => {
    await writeFile(join(dir, 'half'), '');
    throw new Error('interrupted');
  });
  await expect(interrupted).rejects.toThrow('interrupted');
  expect(await readdir(root)).toEqual([]);
  const dir = await cached('thing', recipe('a'), (into) => writeFile(join(into, 'whole'), ''));
  expect(await readdir(dir)).toEqual(['whole']);
});

test('two who want the same thing at once get it from one build', async () => {
  let builds = 0;
  const build = async (dir: string) => {
    builds++;
    await sleep(200);
    await writeFile(join(dir, 'file'), `${builds}`);
  };
  const [one, other] = await Promise.all([cached('thing', recipe('a'), build), cached('thing', recipe('a'), build)]);
  expect(one).toBe(other);
  expect(await readFile(join(one, 'file'), 'utf8')).toBe('1');
  expect(builds).toBe(1);
});

test('another recipe is another thing', async () => {
  const fill = (dir: string) => writeFile(join(dir, 'file'), '');
  const one = await cached('thing', recipe('a'), fill);
  expect(await cached('thing', recipe('b'), fill)).not.toBe(one);
  expect(existsSync(one)).toBe(true);
});

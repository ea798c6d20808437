import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readmeBlocks, readmeTable } from './support/readme.js';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CI = readFileSync(join(HERE, '../.ci/run'), 'utf8');

/** All tests but this one. */
const tests = (readdirSync(HERE, { recursive: true }) as string[])
  .filter((file) => file.endsWith('.ts') && !file.endsWith('readme.test.ts'))
  .map((file) => readFileSync(join(HERE, file), 'utf8'))
  .join('\n');

/** npm's lines are of CI itself. */
const isRunByCi = (text: string) =>
  text
    .trim()
    .split(' && ')
    .every((command) => /^npm /.test(command) && CI.includes(command));

test('every block of command lines in the README is run by a test', () => {
  expect(readmeBlocks.length).toBeGreaterThan(5);
  const left = readmeBlocks.filter(
    ({ section, index, text }) => !isRunByCi(text) && !tests.includes(`readmeBlock('${section}', ${index})`),
  );
  expect(left.map(({ section, text }) => `${section}: ${text}`)).toEqual([]);
});

test("so is every line that stands for another tool's", () => {
  expect(readmeTable('From other tools')).toHaveLength(6);
  expect(tests).toContain("readmeTable('From other tools')");
});

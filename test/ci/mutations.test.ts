import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutations } from '../vm/mutation-list.js';

const root = join(import.meta.dirname, '../..');

test.each(mutations)('"$fault" can be put into $file', ({ file, from, tests: [host, title] }) => {
  expect(readFileSync(join(root, file), 'utf8').split(from)).toHaveLength(2);
  expect(readFileSync(join(root, 'test/vm', `${host}.test.ts`), 'utf8')).toContain('describeOn');
  expect(title).not.toBe('');
});

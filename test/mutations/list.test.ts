import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inGuests } from './in-guests.js';
import { inPlace } from './in-place.js';

const root = join(import.meta.dirname, '../..');

test.each([...inGuests, ...inPlace])('"$fault" can be put into $file', ({ file, from, tests: [tests, title] }) => {
  expect(readFileSync(join(root, file), 'utf8').split(from)).toHaveLength(2);
  expect(readFileSync(join(root, tests), 'utf8')).toMatch(/describeOn|\btest\b/);
  expect(title).not.toBe('');
});

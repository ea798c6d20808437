import { describe, expect, test } from 'vitest';
import { parseList } from '../../lib/sets/list.js';
import { errorCode } from './errors.js';

test.each([
  ['', ''],
  ['\n', ''],
  [' \n', ''],
  ['0\n', '0'],
  ['0-3,8\n', '0-3,8'],
  ['0-31\n\0', '0-31'],
  ['\n\0', ''],
  ['  (null)\n', ''],
  ['0,1,2,3', '0-3'],
  ['3,0-1', '0-1,3'],
  ['0-1023,1025', '0-1023,1025'],
  ['0-8191,8193-16383', '0-8191,8193-16383'],
])('the kernel prints %j for %j', (text, list) => {
  expect(parseList(text).toString()).toBe(list);
});

describe('what the kernel does not print', () => {
  test.each([
    '0-',
    '-1',
    '3-0',
    '0,,1',
    '0,',
    'all',
    'N',
    '0-7:1/2',
    '0-7:2',
    '0x1',
    'ff',
    '١',
    '0 1',
    '1e3',
    '4294967296',
  ])('%j', (text) => {
    expect(errorCode(() => parseList(text))).toBe('ERR_UNSUPPORTED');
  });

  test('is named with where it was read, on one printable line', () => {
    expect(() => parseList('0-3\n\u001b[2J', '/sys/x')).toThrow(
      /^\/sys\/x holds "0-3\\n\\u001b\[2J", which is no list of numbers$/,
    );
  });
});

import { describe, expect, test } from 'vitest';
import { parseMask, parseUserMask } from '../../lib/sets/mask.js';
import { errorCode, usageError } from './errors.js';

test.each([
  ['00000000\n', ''],
  ['ff\n', '0-7'],
  ['fffff', '0-19'],
  ['0000,0000003f\n', '0-5'],
  ['00000000,003f0000,0000003f\n\0', '0-5,48-53'],
  ['000000ff,00000000', '32-39'],
  ['80000000', '31'],
  ['', ''],
  [`1${',00000000'.repeat(256)}`, '8192'],
])('the kernel prints %j for %j', (text, list) => {
  expect(parseMask(text).toString()).toBe(list);
});

test.each(['g', '000000001', 'ff,', ',ff', 'ff,ff', 'ff 00000000', '0xff', '0-3'])(
  'the kernel does not print %j',
  (text) => {
    expect(errorCode(() => parseMask(text, '/proc/irq/default_smp_affinity'))).toBe('ERR_UNSUPPORTED');
  },
);

test('a mask that no kernel has room for is refused at once', () => {
  const endless = `00000000${',00000000'.repeat(32768)}`;
  expect(errorCode(() => parseMask(endless))).toBe('ERR_UNSUPPORTED');
  expect(usageError(() => parseUserMask(endless)).message).toContain('too long');
});

describe("a user's text", () => {
  test.each([
    ['000000ff,00000000', '32-39'],
    ['00000012', '1,4'],
    ['00000000', ''],
    ['ffffffff', '0-31'],
  ])('%j is the mask of %j', (text, list) => {
    expect(parseUserMask(text)?.toString()).toBe(list);
  });

  test.each([
    '12',
    '0000012',
    '000000012',
    '000000FF',
    '00000012,3',
    '00000012,',
    '0000000g',
    '',
    '00000001, 00000001',
  ])('%j is no mask, for a group of it is not eight lowercase digits', (text) => {
    expect(parseUserMask(text)).toBeUndefined();
  });
});

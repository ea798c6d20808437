import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bitmap } from '../../lib/sets/bitmap.js';
import { parseList } from '../../lib/sets/list.js';
import type { Numbering } from '../../lib/sets/numbering.js';
import { parseToken, selectToken } from '../../lib/sets/token.js';
import { usageError } from './errors.js';

function numbering(existing: string, all = existing): Numbering {
  return { noun: 'CPU', existing: parseList(existing), all: parseList(all) };
}

const select = (word: string, existing = '0-15', all = existing) =>
  selectToken(parseToken(word), numbering(existing, all)).toString();

describe('a token selects', () => {
  test.each([
    ['C0', '0'],
    ['C0-3,8', '0-3,8'],
    ['C8,0-3', '0-3,8'],
    ['C0-5,3-8,4', '0-8'],
    ['C0000000f', '0-3'],
    ['C00000000,00000012', '1,4'],
    ['C12', '12'],
    ['C007,0-003', '0-3,7'],
    [' C0-3\n', '0-3'],
    ['C 0-3', '0-3'],
    ['\tC 0000000f\n', '0-3'],
    ['Call', '0-15'],
    ['CALL', '0-15'],
    ['CN', '15'],
    ['C0-N', '0-15'],
    ['CN-N', '15'],
    ['C0,N', '0,15'],
    ['C0-7:1/2', '0,2,4,6'],
    ['C0-15:2/4', '0-1,4-5,8-9,12-13'],
    ['C3-12:4/10', '3-6'],
    ['C0-7:3/3', '0-7'],
    ['C0-7:1/1000', '0'],
    ['C5-7:1/4294967290', '5'],
    ['C0-3:N/N', '0-3'],
    ['Call:1/8', '0,8'],
    ['C0-15:4', '0,4,8,12'],
    ['C1-14:6', '1,7,13'],
    ['C0-N:8', '0,8'],
    ['Call:5,1', '0-1,5,10,15'],
    ['N0-1', '0-1'],
    ['N00000003', '0-1'],
    ['NN', '15'],
    ['Nall', '0-15'],
  ])('%j: %s', (word, list) => {
    expect(select(word)).toBe(list);
  });

  test('of sparse numbers only those that exist', () => {
    expect(select('C0-3,8', '0-3,8-11')).toBe('0-3,8');
    expect(select('CN', '0-3,8-11')).toBe('11');
    expect(select('Call', '0-3,8-11', '0-2,8-11')).toBe('0-2,8-11');
    expect(select('Call:4/8', '0-3,8-11', '0-2,8-11')).toBe('0-2,8-11');
    expect(select('C0-8:8', '0-3,8-11')).toBe('0,8');
  });

  test('more than 1,024 and more than 8,192 numbers', () => {
    expect(select('C1023-1025', '0-2047')).toBe('1023-1025');
    expect(select('C8191-8192,9999', '0-9999')).toBe('8191-8192,9999');
    expect(select('C0-8192:8192', '0-9999')).toBe('0,8192');
    expect(select(`C00000001${',00000000'.repeat(256)}`, '0-9999')).toBe('8192');
    expect(select('Call', '0-9999')).toBe('0-9999');
  });

  test('what the kernel printed for any set', () => {
    const sets = fc.uniqueArray(fc.integer({ min: 0, max: 9999 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(sets, fc.boolean(), (members, asMask) => {
        const bitmap = Bitmap.of(members);
        expect(select(`C${asMask ? bitmap.toMask() : bitmap}`, '0-9999')).toBe(bitmap.toString());
      }),
    );
  });
});

/** Region by region and number by number, from kernel-parameters.rst. */
function model(regions: readonly { start: number; end: number; used: number; group: number }[]): number[] {
  return regions.flatMap(({ start, end, used, group }) =>
    Array.from({ length: end - start + 1 }, (_, offset) => offset)
      .filter((offset) => offset % group < used)
      .map((offset) => start + offset),
  );
}

test('groups and strides against a model', () => {
  const number = fc.integer({ min: 0, max: 1999 });
  const region = fc
    .record({ a: number, b: number, used: fc.integer({ min: 1, max: 40 }), more: fc.integer({ min: 0, max: 40 }) })
    .map(({ a, b, used, more }) => ({ start: Math.min(a, b), end: Math.max(a, b), used, group: used + more }));
  fc.assert(
    fc.property(fc.array(region, { minLength: 1, maxLength: 5 }), (regions) => {
      const words = regions.map(({ start, end, used, group }) =>
        used === 1 ? `${start}-${end}:${group}` : `${start}-${end}:${used}/${group}`,
      );
      expect(select(`C${words}`, '0-1999')).toBe(Bitmap.of(model(regions)).toString());
    }),
  );
});

describe('a usage error that names the part', () => {
  test.each([
    ['C', 'is an empty set of cpus'],
    ['N', 'is an empty set of nodes'],
    ['C \n', 'is an empty set of cpus'],
    ['C00000000', '"00000000" is an empty set of cpus'],
    ['C3-1', 'the range "3-1" is reversed'],
    ['C0,N-1', 'the range "N-1" is reversed'],
    ['C0,,3', 'the list "0,,3" has an empty element'],
    ['C0,', 'the list "0," has an empty element'],
    ['C,0', 'the list ",0" has an empty element'],
    ['C0, 3', '"0, 3" has white space inside'],
    ['C0\n3', '"0\\n3" has white space inside'],
    ['C0-', '"0-" is neither'],
    ['C-3', '"-3" is neither'],
    ['C1--3', '"1--3" is neither'],
    ['C1-2-3', '"1-2-3" is neither'],
    ['C+1', '"+1" is neither'],
    ['C1.5', '"1.5" is neither'],
    ['C0x3', '"0x3" is neither'],
    ['C1e1', '"1e1" is neither'],
    ['Cn', '"n" is neither'],
    ['Call-3', '"all-3" is neither'],
    ['C3-all', '"3-all" is neither'],
    ['Cnone', '"none" is neither'],
    ['C^3', '"^3" is neither'],
    ['C5:1/2', '"5:1/2" is neither'],
    ['C0-7:', '"0-7:" is neither'],
    ['C0-7:1/', '"0-7:1/" is neither'],
    ['C0-7:/2', '"0-7:/2" is neither'],
    ['C0-7:1/2/3', '"0-7:1/2/3" is neither'],
    ['C0-7:1/2N', '"0-7:1/2N" is neither'],
    ['C0-7:0/2', '"0-7:0/2" selects nothing'],
    ['C0-7:0/0', '"0-7:0/0" selects nothing'],
    ['C0-7:0', '"0-7:0" selects nothing'],
    ['C0-7:3/2', '"0-7:3/2" selects more numbers than its group has'],
    ['C5-7:1/4294967291', '"5-7:1/4294967291" has too large a group'],
    ['C5-7:1/4294967295', '"5-7:1/4294967295" has too large a group'],
    ['C0-3,C8', '"C8" is neither'],
    ['C0000000F', '"0000000F" is neither'],
    ['C0000000f,3', '"0000000f" is neither'],
    ['C\u0661', '"\\u0661" is neither'],
    ['C\uff11', '"\\uff11" is neither'],
    ['C1\0', '"1\\u0000" is neither'],
    ['C1\u001b[2J', '"1\\u001b[2J" is neither'],
  ])('%j', (word, message) => {
    expect(usageError(() => select(word)).message).toContain(message);
  });

  test.each([
    ['C99', 'CPU 99 does not exist; this host has 0-15'],
    ['C12-20', 'CPU 16 of "12-20" does not exist; this host has 0-15'],
    ['C0-4294967295', 'CPU 16 of "0-4294967295" does not exist; this host has 0-15'],
    ['C4294967296', 'CPU 4294967296 does not exist; this host has 0-15'],
    ['C0-99999999999999999999', 'CPU 16 of "0-99999999999999999999" does not exist; this host has 0-15'],
    ['C00010000', 'CPU 16 of "00010000" does not exist; this host has 0-15'],
    ['C16-31:16/16', 'CPU 16 of "16-31:16/16" does not exist; this host has 0-15'],
  ])('and what exists: %j', (word, message) => {
    expect(usageError(() => select(word)).message).toContain(message);
  });

  test.each([
    ['C0-8', 'CPU 4 of "0-8"'],
    ['C0,8-9,3-5,6', 'CPU 4 of "3-5"'],
    ['Call,7', 'CPU 7'],
    ['C00000101,00000010', 'CPU 4 of "00000101,00000010"'],
  ])('and a gap in the numbers: %j', (word, named) => {
    expect(usageError(() => select(word, '0-3,8-11,32,40')).message).toBe(
      `${named} does not exist; this host has 0-3,8-11,32,40`,
    );
  });

  test('when all that is left of a selection is nothing', () => {
    expect(usageError(() => select('Call', '0-3', '')).message).toBe('"all" is an empty set of cpus');
  });
});

test('endless text makes a short message', () => {
  const message = (word: string) => usageError(() => select(word)).message;
  expect(message(`C${'x'.repeat(100_000)}`)).toContain(`"${'x'.repeat(37)}..." is neither`);
  expect(message(`C${'9'.repeat(100_000)}`)).toContain(`of "${'9'.repeat(37)}..." does not exist; this host has 0-15`);
  expect(message('0,'.repeat(50_000))).toContain('begins with neither');
  expect(usageError(() => select(`${'0,'.repeat(100)}0`)).remedy).toBe('write C0-3 or N0');
});

describe('without its prefix', () => {
  test.each([
    ['0-3', 'write C0-3'],
    ['0000000f', 'write C0000000f'],
    ['all', 'write Call'],
    ['c0-3', 'write C0-3'],
    ['n0', 'write N0'],
    [' n 0 ', 'write N 0'],
    ['', 'write C0-3 or N0'],
    ['c', 'write C0-3 or N0'],
    ['cores', 'write C0-3 or N0'],
    ['-1', 'write C0-3 or N0'],
    ['\u0421', 'write C0-3 or N0'],
  ])('%j is refused with the way to write it: %s', (word, remedy) => {
    const error = usageError(() => parseToken(word));
    expect(error.message).toContain('begins with neither C');
    expect(error.remedy).toBe(remedy);
  });
});

test('no text makes anything but a set or a usage error', () => {
  const alphabet = fc.constantFrom(...'CN0123456789af-,:/ \n\0', 'all', '4294967295', '\u0661');
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 14 }), (parts) => {
      const word = parts.join('');
      try {
        expect(parseList(select(word)).isSubsetOf(parseList('0-15'))).toBe(true);
      } catch (error) {
        expect(usageError(() => select(word))).toEqual(error);
      }
    }),
    { numRuns: 5000 },
  );
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bitmap, MAX_NUMBER } from '../../lib/sets/bitmap.js';
import { parseList } from '../../lib/sets/list.js';
import { parseMask, parseUserMask } from '../../lib/sets/mask.js';

/** Sets of every density, around and far beyond the 1,024 CPUs of a plain cpu_set_t. */
const numbers = fc
  .integer({ min: 0, max: 9000 })
  .chain((max) => fc.uniqueArray(fc.integer({ min: 0, max }), { maxLength: 300 }));

const ascending = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);

describe('a bitmap against a model', () => {
  test('holds what it was made of, ascending', () => {
    fc.assert(
      fc.property(numbers, (members) => {
        const bitmap = Bitmap.of(members);
        const model = ascending(members);
        expect([...bitmap]).toEqual(model);
        expect(bitmap.size).toBe(model.length);
        expect(bitmap.isEmpty).toBe(model.length === 0);
        expect(bitmap.first).toBe(model.at(0));
        expect(bitmap.last).toBe(model.at(-1));
        for (const probe of [0, 31, 32, 1023, 1024, ...model, ...model.map((n) => n + 1)]) {
          expect(bitmap.has(probe)).toBe(members.includes(probe));
        }
      }),
    );
  });

  test('set algebra', () => {
    fc.assert(
      fc.property(numbers, numbers, (left, right) => {
        const [a, b] = [Bitmap.of(left), Bitmap.of(right)];
        const [x, y] = [new Set(left), new Set(right)];
        expect([...a.union(b)]).toEqual(ascending(new Set([...x, ...y])));
        expect([...a.intersect(b)]).toEqual(ascending(left.filter((n) => y.has(n))));
        expect([...a.minus(b)]).toEqual(ascending(left.filter((n) => !y.has(n))));
        expect(a.isSubsetOf(b)).toBe(left.every((n) => y.has(n)));
        expect(a.overlaps(b)).toBe(left.some((n) => y.has(n)));
        expect(a.equals(b)).toBe(x.size === y.size && left.every((n) => y.has(n)));
      }),
    );
  });

  test('laws that relate operations whose operands differ in length', () => {
    fc.assert(
      fc.property(numbers, numbers, (left, right) => {
        const [a, b] = [Bitmap.of(left), Bitmap.of(right)];
        expect(a.minus(b).union(a.intersect(b)).equals(a)).toBe(true);
        expect(a.intersect(b).isSubsetOf(a)).toBe(true);
        expect(a.isSubsetOf(a.union(b))).toBe(true);
        expect(a.minus(b).overlaps(b)).toBe(false);
      }),
    );
  });
});

test("a word's highest bit, which is its sign in JavaScript", () => {
  const bitmap = Bitmap.of([31, 63]);
  expect(bitmap.overlaps(Bitmap.of([63]))).toBe(true);
  expect(Bitmap.of([63]).isSubsetOf(bitmap)).toBe(true);
  expect(bitmap.isSubsetOf(Bitmap.of([31]))).toBe(false);
  expect([...bitmap]).toEqual([31, 63]);
  expect([...bitmap.intersect(Bitmap.of([31]))]).toEqual([31]);
  expect(bitmap.toMask()).toBe('80000000,80000000');
});

describe('round trips', () => {
  test.each([
    ['list', (bitmap: Bitmap) => parseList(bitmap.toString())],
    ['list with its newline', (bitmap: Bitmap) => parseList(`${bitmap}\n`)],
    ['mask', (bitmap: Bitmap) => parseMask(bitmap.toMask())],
    ['mask of a kernel with 9,001 bits', (bitmap: Bitmap) => parseMask(bitmap.toMask(9001))],
    ["a user's mask", (bitmap: Bitmap) => parseUserMask(bitmap.toMask())],
    ['bytes', (bitmap: Bitmap) => Bitmap.fromBytes(bitmap.toBytes())],
    ['bytes of a kernel with 9,024 bits', (bitmap: Bitmap) => Bitmap.fromBytes(bitmap.toBytes(1128))],
    ['ranges', (bitmap: Bitmap) => Bitmap.ofRanges(bitmap.ranges())],
    ['JSON', (bitmap: Bitmap) => parseList(JSON.parse(JSON.stringify(bitmap)))],
  ])('%s', (_form, there) => {
    fc.assert(fc.property(numbers, (members) => there(Bitmap.of(members))?.equals(Bitmap.of(members)) === true));
  });
});

describe('the list', () => {
  test.each([
    [[], ''],
    [[0], '0'],
    [[0, 1], '0-1'],
    [[8, 3, 2, 1, 0, 3], '0-3,8'],
    [[31, 32], '31-32'],
    [[30, 31, 32, 33, 63, 64], '30-33,63-64'],
    [[1023, 1024, 8191, 8192], '1023-1024,8191-8192'],
    [[MAX_NUMBER], '1048575'],
  ])('of %j is %j', (members, text) => {
    expect(Bitmap.of(members).toString()).toBe(text);
  });

  test('is canonical: equal sets have equal lists', () => {
    const byUnion = Bitmap.of([0, 9000]).intersect(Bitmap.of([0, 5]));
    expect(byUnion.toString()).toBe('0');
    expect(byUnion.equals(Bitmap.of([0]))).toBe(true);
    expect(byUnion).toEqual(Bitmap.of([0]));
    expect(byUnion).not.toEqual(Bitmap.of([1]));
  });
});

describe('the mask', () => {
  test.each([
    ['', undefined, '00000000'],
    ['0-7', undefined, '000000ff'],
    ['32-39', undefined, '000000ff,00000000'],
    ['31', undefined, '80000000'],
    ['0-19', 20, 'fffff'],
    ['0-5', 48, '0000,0000003f'],
    ['0-7', 512, `${'00000000,'.repeat(15)}000000ff`],
    ['', 1, '0'],
    ['0-3', 64, '00000000,0000000f'],
  ])('of %j in %j bits is %j', (list, width, mask) => {
    expect(parseList(list).toMask(width)).toBe(mask);
  });

  test.each([0, -1, 7.5, Number.NaN, 2 ** 21, 8])('of 0-8 does not fit in %j bits', (width) => {
    expect(() => parseList('0-8').toMask(width)).toThrow(RangeError);
  });
});

describe('the bytes', () => {
  test('are little-endian words of eight bytes', () => {
    expect([...Bitmap.of([0, 9, 63]).toBytes()]).toEqual([1, 2, 0, 0, 0, 0, 0, 0x80]);
    expect(Bitmap.of([64]).toBytes()).toHaveLength(16);
    expect([...Bitmap.empty.toBytes()]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect([...Bitmap.of([9]).toBytes(2)]).toEqual([0, 2]);
  });

  test.each([1, 0, -8, 1.5, 2 ** 20])('%j bytes do not hold 0-8', (size) => {
    expect(() => parseList('0-8').toBytes(size)).toThrow(RangeError);
  });

  test('too many are refused', () => {
    expect(() => Bitmap.fromBytes(new Uint8Array(2 ** 17 + 1))).toThrow(RangeError);
    expect(Bitmap.fromBytes(new Uint8Array(2 ** 17).fill(255)).size).toBe(MAX_NUMBER + 1);
  });
});

test.each([-1, 0.5, Number.NaN, Infinity, MAX_NUMBER + 1, 2 ** 32])('%j cannot be in a bitmap', (number) => {
  expect(() => Bitmap.of([0, number])).toThrow(RangeError);
  expect(Bitmap.of([0]).has(number)).toBe(false);
});

test('a reversed range is refused', () => {
  expect(() => Bitmap.ofRanges([[3, 2]])).toThrow(RangeError);
});

test('nothing that is done with a bitmap changes it', () => {
  const bitmap = parseList('0-3,8');
  bitmap.union(Bitmap.of([5]));
  bitmap.intersect(Bitmap.empty);
  bitmap.minus(bitmap);
  bitmap.toBytes().fill(255);
  const bytes = bitmap.toBytes();
  const copy = Bitmap.fromBytes(bytes);
  bytes.fill(0);
  expect(bitmap.toString()).toBe('0-3,8');
  expect(copy.toString()).toBe('0-3,8');
});

/**
 * Terminology, as the kernel (lib/bitmap.c, lib/vsprintf.c) and util-linux have it:
 *
 *   bitmap    a set of non-negative integers: of CPU numbers or of NUMA node numbers
 *   cpulist   its text as ranges, `0-3,8`: printk's %*pbl, as in cpuset.cpus and smp_affinity_list
 *   cpumask   its text as hexadecimal groups of 32 numbers, the highest first, `00000001,0000000f`: printk's %*pb, as
 *             in smp_affinity
 *   nodelist, nodemask   the same texts for nodes
 *   bytes     its form in memory, as sched_setaffinity(2) takes it: number n is bit n % 8 of byte n / 8. The kernel
 *             has words of a long there, so this holds for little-endian machines
 *   last      the highest number in a set
 */

/**
 * The highest number that a {@link Bitmap} may hold, so that hostile text cannot cost memory. x86 kernels are built
 * for at most 8,192 CPUs; util-linux stops at the same bound when it probes the size of a kernel's masks.
 */
export const MAX_NUMBER = 2 ** 20 - 1;

const WORD_BITS = 32;
const ALL_ONES = 0xffff_ffff;

/** An immutable set of integers from 0 to {@link MAX_NUMBER}, iterated in ascending order. */
export class Bitmap implements Iterable<number> {
  static readonly empty = new Bitmap([]);

  /**
   * Number n is bit n % 32 of word n / 32, an int32 as bitwise operators make it. The last word is never zero, so equal
   * sets have equal words. A typed array takes V8 several times as long to make as one of a few numbers.
   */
  private readonly words: readonly number[];

  /** @param words which it takes over */
  private constructor(words: number[]) {
    while (words.at(-1) === 0) words.pop();
    this.words = words;
  }

  /** The set of these numbers. @throws RangeError for one that is no integer from 0 to {@link MAX_NUMBER} */
  static of(numbers: Iterable<number>): Bitmap {
    return Bitmap.ofRanges(pairs(numbers));
  }

  /** The union of ranges, each given by its first and last number. @throws RangeError as for {@link Bitmap.of} */
  static ofRanges(ranges: Iterable<readonly [first: number, last: number]>): Bitmap {
    const words = [0];
    for (const [first, last] of ranges) setRange(words, first, last);
    return new Bitmap(words);
  }

  /** The set that these bytes stand for; see {@link toBytes}. @throws RangeError past {@link MAX_NUMBER} */
  static fromBytes(bytes: Uint8Array): Bitmap {
    if (bytes.length * 8 > MAX_NUMBER + 1) throw new RangeError(`a mask of ${bytes.length} bytes is too long`);
    const words = zeros(Math.ceil(bytes.length / 4));
    bytes.forEach((byte, index) => {
      words[index >>> 2] = (words[index >>> 2] ?? 0) | (byte << ((index & 3) * 8));
    });
    return new Bitmap(words);
  }

  /** How many numbers are in the set. */
  get size(): number {
    return this.words.reduce((sum, word) => sum + bitCount(word), 0);
  }

  get isEmpty(): boolean {
    return this.words.length === 0;
  }

  /** The lowest number, or undefined in the empty set. */
  get first(): number | undefined {
    return this.next(0);
  }

  /** The highest number, or undefined in the empty set. */
  get last(): number | undefined {
    const top = this.words.length - 1;
    return top < 0 ? undefined : top * WORD_BITS + highestBit(this.word(top));
  }

  has(number: number): boolean {
    if (!Number.isInteger(number) || number < 0 || number > MAX_NUMBER) return false;
    return ((this.word(number >>> 5) >>> (number & 31)) & 1) === 1;
  }

  *[Symbol.iterator](): Generator<number, undefined> {
    for (const [first, last] of this.ranges()) {
      for (let number = first; number <= last; number++) yield number;
    }
  }

  /** The maximal runs of consecutive numbers, ascending, each as its first and last number. */
  *ranges(): Generator<[first: number, last: number], undefined> {
    let first = this.next(0);
    while (first !== undefined) {
      const after = this.nextAbsent(first);
      yield [first, after - 1];
      first = this.next(after);
    }
  }

  union(other: Bitmap): Bitmap {
    return this.combine(other, Math.max(this.words.length, other.words.length), (a, b) => a | b);
  }

  intersect(other: Bitmap): Bitmap {
    return this.combine(other, Math.min(this.words.length, other.words.length), (a, b) => a & b);
  }

  /** What is in this set and not in the other. */
  minus(other: Bitmap): Bitmap {
    return this.combine(other, this.words.length, (a, b) => a & ~b);
  }

  equals(other: Bitmap): boolean {
    return this.words.length === other.words.length && this.words.every((word, index) => word === other.words[index]);
  }

  /** Whether all of this set is in the other; the empty set is a subset of any. */
  isSubsetOf(other: Bitmap): boolean {
    return this.words.every((word, index) => (word & ~other.word(index)) === 0);
  }

  /** Whether a number is in both sets. */
  overlaps(other: Bitmap): boolean {
    return this.words.some((word, index) => (word & other.word(index)) !== 0);
  }

  /** The canonical cpulist, as the kernel prints it: `0-3,8`, and nothing for the empty set. */
  toString(): string {
    return Array.from(this.ranges(), ([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
  }

  /** In JSON a set is its cpulist. */
  toJSON(): string {
    return this.toString();
  }

  /**
   * The cpumask. With a width it is as a kernel prints it whose masks have so many bits: `fffff` for 20. Without, it is
   * in as few whole groups of eight digits as hold the set: `00000000` for the empty one.
   * @throws RangeError for a width that is no positive integer or too small for the set
   */
  toMask(width: number = Math.max(1, this.words.length) * WORD_BITS): string {
    if (!Number.isInteger(width) || width < 1 || width > MAX_NUMBER + 1 || (this.last ?? 0) >= width) {
      throw new RangeError(`a mask of ${width} bits does not hold ${this}`);
    }
    const groups = Math.ceil(width / WORD_BITS);
    return Array.from({ length: groups }, (_, position) => {
      const digits = position === 0 ? Math.ceil((width - (groups - 1) * WORD_BITS) / 4) : 8;
      return (this.word(groups - 1 - position) >>> 0).toString(16).padStart(digits, '0');
    }).join(',');
  }

  /**
   * The set in memory, `size` bytes long, for sched_setaffinity(2). Without a size: as few words of 8 bytes as hold
   * the set, at least one.
   * @throws RangeError for a size that is no integer or too small for the set
   */
  toBytes(size: number = Math.max(1, Math.ceil(this.words.length / 2)) * 8): Uint8Array {
    if (!Number.isInteger(size) || size < 0 || size > (MAX_NUMBER + 1) / 8 || (this.last ?? -1) >= size * 8) {
      throw new RangeError(`${size} bytes do not hold ${this}`);
    }
    return Uint8Array.from({ length: size }, (_, index) => this.word(index >>> 2) >>> ((index & 3) * 8));
  }

  private word(index: number): number {
    return this.words[index] ?? 0;
  }

  private combine(other: Bitmap, length: number, operation: (a: number, b: number) => number): Bitmap {
    const words = zeros(length);
    for (let index = 0; index < length; index++) words[index] = operation(this.word(index), other.word(index));
    return new Bitmap(words);
  }

  /** The lowest number of the set from `from` on. */
  private next(from: number): number | undefined {
    for (let index = from >>> 5; index < this.words.length; index++) {
      const word = this.word(index) & fromBit(index, from);
      if (word !== 0) return index * WORD_BITS + lowestBit(word);
    }
    return undefined;
  }

  /** The lowest number outside the set from `from` on. */
  private nextAbsent(from: number): number {
    for (let index = from >>> 5; ; index++) {
      const word = ~this.word(index) & fromBit(index, from);
      if (word !== 0) return index * WORD_BITS + lowestBit(word);
    }
  }
}

function* pairs(numbers: Iterable<number>): Generator<[number, number]> {
  for (const number of numbers) yield [number, number];
}

function checkRange(first: number, last: number): void {
  if (Number.isInteger(first) && Number.isInteger(last) && 0 <= first && first <= last && last <= MAX_NUMBER) return;
  throw new RangeError(`${first === last ? first : `${first}-${last}`} is not within 0-${MAX_NUMBER}`);
}

function zeros(length: number): number[] {
  return new Array<number>(length).fill(0);
}

/** As many words as it takes are added. @throws RangeError as for {@link Bitmap.of} */
function setRange(words: number[], first: number, last: number): void {
  checkRange(first, last);
  const end = last >>> 5;
  while (words.length <= end) words.push(0);
  for (let index = first >>> 5; index <= end; index++) {
    const upToLast = index === end ? ALL_ONES >>> (31 - (last & 31)) : ALL_ONES;
    words[index] = (words[index] ?? 0) | (fromBit(index, first) & upToLast);
  }
}

/** The bits of word `index` that stand for `from` and above. */
function fromBit(index: number, from: number): number {
  return index === from >>> 5 ? ALL_ONES << (from & 31) : ALL_ONES;
}

function lowestBit(word: number): number {
  return highestBit(word & -word);
}

function highestBit(word: number): number {
  return 31 - Math.clz32(word);
}

/** Counts in parallel: bits in pairs, pairs in fours, fours in bytes; the product adds up the bytes. */
function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x5555_5555);
  const fours = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

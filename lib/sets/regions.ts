/**
 * A user's list of CPU or node numbers. The kernel prints only numbers and ranges, but what it reads is richer
 * (admin-guide/kernel-parameters.rst "cpu lists", lib/bitmap-str.c bitmap_parselist):
 *
 *   list    := region { "," region }
 *   region  := number | range | range ":" used "/" group | range ":" stride
 *   range   := number "-" number | "all"
 *   number  := decimal digits | "N"
 *
 * `N` is the last number that exists. `0-15:2/4` is the first two of every four; the stride of taskset(1), `0-15:4`,
 * is the first of every four, and not the kernel's. Where both accept a list, both read the same set, as long as the
 * last number that exists is also the last that the kernel allows for. A user's list is refused where the kernel's
 * parser would take it for
 *
 *   - an empty element or an empty region: `0,,3`, `0-7:0/2`;
 *   - white space inside, for the kernel leaves out all that follows a newline;
 *   - a comma missing after a group, as in `0-7:1/2N`;
 *   - a number that does not exist, though the kernel may allow for it;
 *   - a group that overflows its 32 bits: `5-7:1/4294967295` selects 0-5 there.
 */
import { UsageError } from '../errors.js';
import { Bitmap } from './bitmap.js';
import { absentError, type Numbering, requireExisting } from './numbering.js';
import { quote } from './text.js';

/** A number of a user's list: `N` is the last one that exists. */
type Bound = number | 'N';

/** One element of a user's list, before it is known which numbers exist. */
export interface Region {
  readonly text: string;
  /** Written as `all`: numbers between start and end that do not exist are left out. */
  readonly all: boolean;
  readonly start: Bound;
  readonly end: Bound;
  /** Of every `group` numbers, the first `used` are selected. */
  readonly used: Bound;
  readonly group: Bound;
}

const NUMBER = 'N|[0-9]+';
const REGION = new RegExp(
  `^(?:(?<only>${NUMBER})|` +
    `(?:(?<all>[aA][lL][lL])|(?<start>${NUMBER})-(?<end>${NUMBER}))(?::(?<count>${NUMBER})(?:/(?<group>${NUMBER}))?)?)$`,
);

/** The elements of a user's list. @throws UsageError naming the offending part */
export function parseRegions(list: string): Region[] {
  if (/\s/.test(list)) throw new UsageError(`${quote(list)} has white space inside`);
  return list.split(',').map((element) => parseRegion(element, list));
}

function parseRegion(text: string, list: string): Region {
  if (text === '') throw new UsageError(`the list ${quote(list)} has an empty element`);
  const found = REGION.exec(text)?.groups;
  if (found === undefined) {
    throw new UsageError(`${quote(text)} is neither a number nor a range`, {
      remedy: 'write a list such as 0-3,8, or a mask in groups of eight lowercase digits such as 000000ff,00000000',
    });
  }
  const { only, all, start = only ?? '0', end = only ?? 'N', count = '1', group } = found;
  const range = { text, all: all !== undefined, start: bound(start), end: bound(end) };
  // A lone count is a stride: one of every so many.
  return group === undefined
    ? { ...range, used: 1, group: bound(count) }
    : { ...range, used: bound(count), group: bound(group) };
}

function bound(digits: string): Bound {
  return digits === 'N' ? 'N' : Number(digits);
}

/**
 * What regions select of the numbers that exist.
 * @throws UsageError naming the region that is reversed, selects nothing, or names a number that does not exist
 */
export function selectRegions(regions: readonly Region[], numbering: Numbering): Bitmap {
  const selections = regions.map((region) => resolve(region, numbering));
  const named = selections.filter(({ all }) => !all);
  const selected = union(named);
  // As a whole first: looking at each of thousands of regions takes seconds on a host of 8,192 CPUs.
  if (!selected.isSubsetOf(numbering.existing)) {
    for (const selection of named) requireExisting(union([selection]), selection.text, numbering);
  }
  return selected.union(union(selections.filter(({ all }) => all)).intersect(numbering.all));
}

/** A region with its `N` replaced. */
interface Selection extends Region {
  readonly start: number;
  readonly end: number;
  readonly used: number;
  readonly group: number;
}

function resolve(region: Region, numbering: Numbering): Selection {
  const last = numbering.existing.last ?? 0;
  const value = (bound: Bound) => (bound === 'N' ? last : bound);
  const selection = {
    ...region,
    start: value(region.start),
    end: value(region.end),
    used: value(region.used),
    group: value(region.group),
  };
  check(selection, last, numbering);
  return selection;
}

/** All that can be said before the set is built: hostile text may ask for four thousand million numbers. */
function check({ text, start, end, used, group }: Selection, last: number, numbering: Numbering): void {
  if (start > end) throw new UsageError(`the range ${quote(text)} is reversed`);
  if (end > last) throw absentError(Math.max(start, last + 1), text, numbering);
  if (used === 0 || group === 0) throw new UsageError(`${quote(text)} selects nothing`);
  if (used > group) throw new UsageError(`${quote(text)} selects more numbers than its group has`);
  if (start + group > 0xffff_ffff) throw new UsageError(`${quote(text)} has too large a group`);
}

function union(selections: readonly Selection[]): Bitmap {
  return Bitmap.ofRanges(ranges(selections));
}

function* ranges(selections: readonly Selection[]): Generator<[first: number, last: number]> {
  for (const { start, end, used, group } of selections) {
    if (used === group) yield [start, end];
    else for (let first = start; first <= end; first += group) yield [first, Math.min(first + used - 1, end)];
  }
}

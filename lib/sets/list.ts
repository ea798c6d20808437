/**
 * Lists of CPU or node numbers as the kernel prints them, `0-3,8` (cpuset(7) "List format"). What a user may write is
 * richer: see regions.ts.
 */
import { Bitmap, MAX_NUMBER } from './bitmap.js';
import { printed, unexpected } from './text.js';

/** A host has the same few lists for hundreds of interrupts, and thousands of tasks. */
const parsed = new Map<string, Bitmap>();
const MOST_PARSED = 64;

/**
 * The set that a kernel file's list stands for; empty text is the empty set.
 * @param source what the text was read from, for the message
 * @throws VfioIsolateError `ERR_UNSUPPORTED` for anything that the kernel does not print
 */
export function parseList(text: string, source = 'a kernel file'): Bitmap {
  const before = parsed.get(text);
  if (before !== undefined) return before;
  const set = parse(text, source);
  if (parsed.size === MOST_PARSED) parsed.clear();
  parsed.set(text, set);
  return set;
}

function parse(text: string, source: string): Bitmap {
  const list = printed(text);
  if (list === '') return Bitmap.empty;
  return Bitmap.ofRanges(
    list.split(',').map((element) => {
      const [, first, last = first] = /^([0-9]+)(?:-([0-9]+))?$/.exec(element) ?? [];
      const range: [number, number] = [Number(first), Number(last)];
      if (!(range[0] <= range[1] && range[1] <= MAX_NUMBER)) throw unexpected(text, 'list of numbers', source);
      return range;
    }),
  );
}

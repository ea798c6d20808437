/** Text from outside: from a user, or from a kernel file. */
import { shortened, VfioIsolateError } from '../errors.js';

const LONGEST = 40;

/** Foreign text for use in a one-line message: in double quotes, cut to 40 characters, printable ASCII only. */
export function quote(text: string): string {
  return printable(JSON.stringify(shortened(text, LONGEST)));
}

/** A text on one line: whatever is not printable ASCII is escaped. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, escaped);
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * What a kernel file says, as a C string: some kernels since 5.15 end a node's cpulist and cpumap with a NUL
 * (lib/bitmap.c bitmap_print_to_buf). A mask that was never allocated, such as nohz_full, is printed as `(null)`.
 */
export function printed(text: string): string {
  const said = (text.split('\0', 1)[0] ?? '').trim();
  return said === '(null)' ? '' : said;
}

/** A kernel file that does not say what its documentation promises. */
export function unexpected(text: string, form: string, source: string): VfioIsolateError {
  return new VfioIsolateError('ERR_UNSUPPORTED', `${source} holds ${quote(text)}, which is no ${form}`);
}

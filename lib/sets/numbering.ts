/** Which numbers exist: the one thing that a list or mask cannot be judged without. */
import { UsageError } from '../errors.js';
import type { Bitmap } from './bitmap.js';
import { quote } from './text.js';

export interface Numbering {
  /** What is numbered, for messages. */
  readonly noun: 'CPU' | 'node';
  /** What may be named. `N` in a list is the last of these. */
  readonly existing: Bitmap;
  /** What `all` in a list stands for. */
  readonly all: Bitmap;
}

/** The same set, all of which exists. @param part the text that named it @throws UsageError */
export function requireExisting(set: Bitmap, part: string, numbering: Numbering): Bitmap {
  const absent = set.minus(numbering.existing).first;
  if (absent !== undefined) throw absentError(absent, part, numbering);
  return set;
}

export function absentError(number: number, part: string, numbering: Numbering): UsageError {
  const named = part === `${number}` ? `${number}` : `${number} of ${quote(part)}`;
  return new UsageError(`${numbering.noun} ${named} does not exist; this host has ${numbering.existing}`);
}

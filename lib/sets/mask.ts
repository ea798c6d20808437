/**
 * Masks of CPU or node numbers: hexadecimal groups of 32 numbers each, the highest first, `00000001,0000000f`
 * (cpuset(7) "Mask format", lib/bitmap-str.c bitmap_parse).
 */
import { UsageError } from '../errors.js';
import { Bitmap, MAX_NUMBER } from './bitmap.js';
import { printed, quote, unexpected } from './text.js';

const MAX_GROUPS = (MAX_NUMBER + 1) / 32;

/**
 * The set that a kernel file's mask stands for; empty text is the empty set. The first group may have fewer than eight
 * digits: the kernel prints no more than its masks have bits for.
 * @param source what the text was read from, for the message
 * @throws VfioIsolateError `ERR_UNSUPPORTED` for anything that the kernel does not print
 */
export function parseMask(text: string, source = 'a kernel file'): Bitmap {
  const mask = printed(text);
  if (mask === '') return Bitmap.empty;
  const groups = mask.split(',');
  if (!/^[0-9a-f]{1,8}(,[0-9a-f]{8})*$/.test(mask) || groups.length > MAX_GROUPS)
    throw unexpected(text, 'mask', source);
  return ofGroups(groups);
}

/**
 * The set that a user's mask stands for, or undefined where the text is no mask. It is one only if **every** group has
 * exactly eight lowercase digits: so `00000012` is the mask of 1 and 4, while `12`, `012` and `00000012,3` are read as
 * lists.
 * @throws UsageError for a mask of more than {@link MAX_NUMBER} bits
 */
export function parseUserMask(mask: string): Bitmap | undefined {
  if (!/^[0-9a-f]{8}(,[0-9a-f]{8})*$/.test(mask)) return undefined;
  const groups = mask.split(',');
  if (groups.length > MAX_GROUPS) throw new UsageError(`the mask ${quote(mask)} is too long`);
  return ofGroups(groups);
}

function ofGroups(groups: readonly string[]): Bitmap {
  const bytes = new DataView(new ArrayBuffer(groups.length * 4));
  groups.forEach((group, position) => {
    bytes.setUint32((groups.length - 1 - position) * 4, Number.parseInt(group, 16), true);
  });
  return Bitmap.fromBytes(new Uint8Array(bytes.buffer));
}

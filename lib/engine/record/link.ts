/**
 * A link from the path that names a record to the record: for people, and for a hook that asks whether there is something to
 * restore (`[ -e FILE ]`). Nobody reads it, so it matters to nothing if it is missing or something else has its place.
 */
import { readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { nameOf } from './name.js';

/** @param name a record's key: the link is made only if the way there is root's alone, and nothing is there */
export function putLink(name: string, record: string): void {
  const { isOwn, key } = nameOf(name);
  if (isOwn) trying(() => symlinkSync(record, key));
}

/** Takes it away, unless it leads elsewhere. */
export function takeLink(name: string, record: string): void {
  const { isOwn, key } = nameOf(name);
  if (isOwn) trying(() => readlinkSync(key) === record && unlinkSync(key));
}

/** A file in its place, a read-only disk or a missing folder only means that there is no link. */
function trying(act: () => unknown): void {
  try {
    act();
  } catch {}
}

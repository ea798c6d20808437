/** Whose code root runs: node and this package may lie where another user can change them, as nvm's do. */
import { lstatSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

/** Node's own program, and this package. */
const OURS: readonly string[] = [process.execPath, dirname(import.meta.dirname)];

const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;

/** @returns a line for people if root runs what another user may change; undefined otherwise */
export function foreignCodeWarning(places = OURS, uid = process.geteuid?.()): string | undefined {
  if (uid !== 0) return undefined;
  const found = places.flatMap((place) => wayTo(realpathSync(place))).find(isForeign);
  if (found === undefined) return undefined;
  return `warning: root runs code that another user may change: ${found}; install node and vfio-isolate as root`;
}

/** A path and all above it, the uppermost first. */
function wayTo(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [...wayTo(above), path];
}

function isForeign(path: string): boolean {
  const { uid, mode } = lstatSync(path);
  return uid !== 0 || ((mode & WRITABLE_BY_ALL) !== 0 && (mode & STICKY) === 0);
}

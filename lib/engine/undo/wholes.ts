/** A record's entries as they are undone: what goes with another one, and in which order. */
import type { Host } from '../../host.js';
import { kindOf } from '../../steps/registry.js';
import type { LiveEntry } from '../record/fold.js';

/** An entry and those that go with it. */
export interface Whole {
  readonly entry: LiveEntry;
  readonly inner: LiveEntry[];
}

export const entriesOf = ({ entry, inner }: Whole): LiveEntry[] => [entry, ...inner];

/** An entry for each step that one is made of. */
export function stepByStep({ parts, steps }: LiveEntry): LiveEntry[] {
  return parts.map((part, index) => ({ step: part.step, parts: [part], steps: steps.slice(index, index + 1) }));
}

/** Where lists of cgroups stand, the outermost comes first; all else keeps its place. */
export function topDown(all: readonly Whole[], host: Host): Whole[] {
  const depths = new Map<Whole, number>();
  for (const whole of all) {
    const { step } = whole.entry;
    const depth = kindOf(step).depth?.(step, host);
    if (depth !== undefined) depths.set(whole, depth);
  }
  const lists = [...depths].sort(([, a], [, b]) => a - b).map(([whole]) => whole);
  return all.map((whole) => (depths.has(whole) ? (lists.shift() ?? whole) : whole));
}

/** What lies within another entry that goes as a whole needs no undoing of its own: a file of a cgroup that we made. */
export function wholes(entries: readonly LiveEntry[]): Whole[] {
  const found = entries.map((entry): Whole => ({ entry, inner: [] }));
  const enclosing = new Map<string, Whole>();
  for (const whole of found) {
    const name = kindOf(whole.entry.step).encloses?.(whole.entry);
    if (name !== undefined) enclosing.set(name, whole);
  }
  return found.filter(({ entry }) => {
    const name = kindOf(entry.step).within?.(entry.step);
    const whole = name === undefined ? undefined : enclosing.get(name);
    whole?.inner.push(entry);
    return whole === undefined;
  });
}

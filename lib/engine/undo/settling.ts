/** What is left of an undo that stands still: which of it settles for a nearest equal state, and which may not have to. */
import type { Host } from '../../host.js';
import { kindOf } from '../../steps/registry.js';
import type { Left } from './attempt.js';
import type { Whole } from './wholes.js';

/** Those that settle next: first what has a cgroup take tasks again that others wait for, since then they need not. */
export function toSettle(left: readonly Left[], host: Host): ReadonlySet<Whole> {
  const barred = blocked(left, host);
  const free = left.filter(({ whole, settle }) => !settle && !barred.has(whole));
  const awaited = new Set(left.flatMap(({ waiting }) => (typeof waiting?.for === 'object' ? waiting.for : [])));
  const first = free.filter(({ whole: { entry } }) => {
    const cgroup = kindOf(entry.step).admits?.(entry);
    return cgroup !== undefined && awaited.has(cgroup);
  });
  return new Set((first.length > 0 ? first : free).map(({ whole }) => whole));
}

/**
 * Those that have failed, and those that wait for such, through however many others: once that is mended, they need not
 * settle for less.
 */
function blocked(left: readonly Left[], host: Host): ReadonlySet<Whole> {
  const found = new Set<Whole>();
  const kinds = new Set<string>();
  const missing = new Set<string>();
  const closed = new Set<string>();
  const isBlocked = ({ waiting }: Left) => {
    if (waiting === undefined) return true;
    if (typeof waiting.for === 'string') return kinds.has(waiting.for);
    return waiting.for.some((cgroup) => closed.has(cgroup) || andAbove(cgroup).some((path) => missing.has(path)));
  };
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const one of left) {
      const { entry } = one.whole;
      if (found.has(one.whole) || !isBlocked(one)) continue;
      found.add(one.whole);
      const kind = kindOf(entry.step);
      kinds.add(kind.kind);
      const [back, open] = [kind.bringsBack?.(entry, host), kind.admits?.(entry)];
      if (back !== undefined) missing.add(back);
      if (open !== undefined) closed.add(open);
    }
  }
  return found;
}

/** A path and all above it. */
function andAbove(path: string): string[] {
  const names = path.split('/');
  return names.map((_, index) => names.slice(0, names.length - index).join('/'));
}

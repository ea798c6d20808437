import { isShort } from '../support/extent.js';

/** As a number of things to try: however many there are. */
export const ALL = Number.POSITIVE_INFINITY;

/** The number of things to try. */
export const tries = (inFull: number, inShort: number): number => (isShort ? inShort : inFull);

/** All of them, or so many spread evenly over them in the short extent. */
export function sample<T>(all: readonly T[], inShort: number): readonly T[] {
  return isShort ? spread(all, inShort) : all;
}

/** So many of them, or all where there are no more, spread evenly, the first and the last among them. */
export function spread<T>(all: readonly T[], number: number): readonly T[] {
  if (all.length <= number) return all;
  if (number === 1) return all.slice(0, 1);
  const stride = (all.length - 1) / (number - 1);
  return Array.from({ length: number }, (_, index) => all[Math.round(index * stride)] as T);
}

/** Every one of these with every one of those, in an order of which a part has a bit of each. */
export function mixed<A, B>(these: readonly A[], those: readonly B[]): [A, B][] {
  return those.flatMap((_, shift) =>
    these.map((one, index): [A, B] => [one, those[(index + shift) % those.length] as B]),
  );
}

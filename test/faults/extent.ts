/** Whether every point is tried, or only a sample that CI has the time for. */
const whole = process.env['VFIO_ISOLATE_FAULTS'] !== 'short';

/** As a number of things to try: however many there are. */
export const ALL = Number.POSITIVE_INFINITY;

/** The number of things to try. */
export const tries = (inFull: number, inShort: number): number => (whole ? inFull : inShort);

/** All of them, or so many spread evenly over them in the short extent. */
export function sample<T>(all: readonly T[], inShort: number): readonly T[] {
  return whole ? all : spread(all, inShort);
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

/** Whether every point is tried, or only a sample that CI has the time for. */
const whole = process.env['VFIO_ISOLATE_FAULTS'] !== 'short';

/** The number of things to try. */
export const tries = (inFull: number, inShort: number): number => (whole ? inFull : inShort);

/** All of them, or so many spread evenly over them, the first and the last among them. */
export function sample<T>(all: readonly T[], inShort: number): readonly T[] {
  if (whole || all.length <= inShort) return all;
  const stride = (all.length - 1) / (inShort - 1);
  return Array.from({ length: inShort }, (_, index) => all[Math.round(index * stride)] as T);
}

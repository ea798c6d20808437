/** What every part of the benchmark has in common: how a turn is timed, and what is made of the times. */
import { compare, median } from './measure.js';
import { MOUNT } from './scene.js';

export async function timed(act) {
  const start = process.hrtime.bigint();
  await act();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** A figure: what one contestant is against another, and how far the same one is from itself. */
export function figureOf(what, times, [ours, theirs, same = ours], { bar, difference } = {}) {
  const by = difference && ((a, b) => (a - b) * 1000);
  const spread = times.again && compare(times.again, times[same], by);
  const bars = bar === undefined ? {} : { bar };
  const unit = difference ? { unit: ' us' } : {};
  return {
    what,
    ...compare(times[ours], times[theirs], by),
    spread,
    ...bars,
    ...unit,
    times: [ours, theirs].map((name) => median(times[name])),
  };
}

/**
 * Makes contestants that each move all tasks of one of the scene's cgroups to the other, there and back by turns.
 * @param before what each turn begins with, which is not timed
 */
export function thereAndBack(scene, before = () => {}) {
  let [from, to] = [scene.a, scene.b];
  return (act, rounds) => ({
    rounds,
    async run() {
      before();
      const took = await act(from, to);
      if (scene.tids(from).length > 0) throw new Error(`tasks are left in ${from}`);
      [from, to] = [to, from];
      return took;
    },
  });
}

export const list = (cgroup) => `${MOUNT}${cgroup}/tasks`;

/** Takes turns, so that whatever else the machine does hits all alike, and tells how sure a ratio is. */

const RESAMPLES = 1000;

export const median = (numbers) => quantile(numbers, 0.5);

export function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

function shuffled(list) {
  const left = [...list];
  return Array.from(list, () => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

/**
 * Runs contestants in turn, each round in an order of its own, after one round that does not count. Were the order only
 * rotated, each would always come after the same one, and find caches and the kernel's locks as that one leaves them.
 * @param contestants by name: `run` resolves to milliseconds; `rounds` is how many it takes part in at most
 * @returns by name, milliseconds round by round
 */
export async function takeTurns(contestants, rounds) {
  const names = Object.keys(contestants);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const name of shuffled(names)) {
      if (round >= (contestants[name].rounds ?? rounds)) continue;
      const took = await contestants[name].run();
      if (round >= 0) times[name].push(took);
    }
  }
  return times;
}

/** What one is against another, each round on its own: median, and where 95 of 100 medians of resampled rounds lie. */
export function compare(ours, theirs, by = (a, b) => a / b) {
  const each = ours.slice(0, theirs.length).map((time, round) => by(time, theirs[round]));
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(each.map(() => each[Math.floor(Math.random() * each.length)])),
  );
  return { value: median(each), low: quantile(medians, 0.025), high: quantile(medians, 0.975) };
}

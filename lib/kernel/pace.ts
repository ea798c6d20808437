/** Long looks at tasks, in small pieces: a signal must be seen within 100 ms. */
import { breathe } from '../pause.js';

/** Tasks looked at between two turns of the event loop. */
export const BATCH = 100;

/** To be awaited once a task: lets the event loop turn now and then. */
export function newPace(): () => Promise<void> | undefined {
  let count = 0;
  return () => (++count % BATCH === 0 ? breathe() : undefined);
}

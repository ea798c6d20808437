/** To wait while other things go on. `node:timers/promises` has the same, and takes longer to load than all that follows. */

/** Resolves after so many milliseconds. */
export const delay = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Lets the event loop turn once: so that it sees a signal, an answer or an abort. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

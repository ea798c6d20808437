/** To wait while other things go on. For `node:timers/promises`, which has the same, Node loads what makes an AbortSignal. */

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

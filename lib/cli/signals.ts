/** Signals that stop a run. */

export interface Interruption {
  readonly signal: AbortSignal;
  /** Which signal came first. */
  cause(): Stopping | undefined;
  /** They no longer abort. */
  release(): void;
}

/** Those that stop a run, and their numbers (signal(7)), which are the same on every architecture. */
export const STOPPING = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export type Stopping = keyof typeof STOPPING;

export const stoppingSignals = Object.keys(STOPPING) as Stopping[];

/** From now on these abort instead of killing; a second one does nothing, so that it does not cut a rollback short. */
export function catchSignals(): Interruption {
  const controller = new AbortController();
  let first: Stopping | undefined;
  const stop = (signal: Stopping): void => {
    first ??= signal;
    controller.abort();
  };
  for (const signal of stoppingSignals) process.on(signal, stop);
  const release = (): void => {
    for (const signal of stoppingSignals) process.off(signal, stop);
  };
  return { signal: controller.signal, cause: () => first, release };
}

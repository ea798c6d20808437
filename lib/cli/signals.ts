/** Signals that stop a run. */

export interface Interruption {
  readonly signal: AbortSignal;
  /** Which signal came first. */
  cause(): NodeJS.Signals | undefined;
  /** They no longer abort. */
  release(): void;
}

export const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** From now on these abort instead of killing; a second one does nothing, so that it does not cut a rollback short. */
export function catchSignals(): Interruption {
  const controller = new AbortController();
  let first: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    first ??= signal;
    controller.abort();
  };
  for (const signal of STOPPING) process.on(signal, stop);
  const release = (): void => {
    for (const signal of STOPPING) process.off(signal, stop);
  };
  return { signal: controller.signal, cause: () => first, release };
}

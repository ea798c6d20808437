/** Signals that stop a run. */
import type { StopSignal } from '../index.js';

export interface Interruption {
  readonly signal: StopSignal;
  /** Which signal came first. */
  cause(): Stopping | undefined;
  /** They no longer abort. */
  release(): void;
}

/** Those that stop a run, and their numbers (signal(7)), which are the same on every architecture. */
export const STOPPING = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export type Stopping = keyof typeof STOPPING;

export const stoppingSignals = Object.keys(STOPPING) as Stopping[];

/** For each start Node would have to load what makes an AbortSignal. */
class Stop extends EventTarget implements StopSignal {
  aborted = false;

  stop(): void {
    if (this.aborted) return;
    this.aborted = true;
    this.dispatchEvent(new Event('abort'));
  }
}

/** From now on these abort instead of killing; a second one does nothing, so that it does not cut a rollback short. */
export function catchSignals(): Interruption {
  const signal = new Stop();
  let first: Stopping | undefined;
  const stop = (name: Stopping): void => {
    first ??= name;
    signal.stop();
  };
  for (const name of stoppingSignals) process.on(name, stop);
  const release = (): void => {
    for (const name of stoppingSignals) process.off(name, stop);
  };
  return { signal, cause: () => first, release };
}

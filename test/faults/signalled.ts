/** The command line, sent signals at instants of its run. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { BIN, type Ended, execute } from '../support/cli.js';

export const stopping = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type Stopping = (typeof stopping)[number];

/** The exit status of a run that a signal has stopped. */
export const statusOf = (signal: Stopping): number => 128 + constants.signals[signal];

export interface Signalled extends Ended {
  /** Milliseconds from its start, and from the first signal, to its end. */
  readonly whole: number;
  readonly after: number | undefined;
}

/** @param instants milliseconds since its start; one after its end is not sent */
export function signalled(
  words: readonly string[],
  instants: readonly (readonly [signal: Stopping, at: number])[] = [],
): Promise<Signalled> {
  return observed(words, (child, sent) => {
    const timers = instants.map(([signal, at]) => setTimeout(() => child.kill(signal) && sent(), at));
    child.once('exit', () => timers.forEach(clearTimeout));
  });
}

/** @param when asked again and again while it runs, until it is so */
export function signalledOnce(words: readonly string[], signal: Stopping, when: () => boolean): Promise<Signalled> {
  return observed(words, async (child, sent) => {
    const isOver = () => child.exitCode !== null || child.signalCode !== null;
    while (!isOver() && !when()) await new Promise(setImmediate);
    if (child.kill(signal)) sent();
  });
}

async function observed(
  words: readonly string[],
  act: (child: ChildProcess, sent: () => void) => void,
): Promise<Signalled> {
  const began = performance.now();
  let first: number | undefined;
  const sent = () => {
    first ??= performance.now();
  };
  const ended = await execute(process.execPath, [BIN, ...words], {}, (_, child) => act(child, sent));
  const end = performance.now();
  return { ...ended, whole: end - began, after: first === undefined ? undefined : end - first };
}

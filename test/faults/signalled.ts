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
export async function signalled(
  words: readonly string[],
  instants: readonly (readonly [signal: Stopping, at: number])[] = [],
): Promise<Signalled> {
  const began = performance.now();
  const timers: NodeJS.Timeout[] = [];
  let sent: number | undefined;
  const send = (_: number, child: ChildProcess) => {
    for (const [signal, at] of instants) {
      const timer = setTimeout(() => {
        if (child.kill(signal)) sent ??= performance.now();
      }, at);
      timers.push(timer);
    }
    child.once('exit', () => timers.forEach(clearTimeout));
  };
  const ended = await execute(process.execPath, [BIN, ...words], {}, send);
  const end = performance.now();
  return { ...ended, whole: end - began, after: sent === undefined ? undefined : end - sent };
}

/** Where the command line writes, and how it ends. */

export interface Io {
  /** Writes data. */
  out(text: string): void;
  /** Writes messages. */
  err(text: string): void;
  /** Columns of the terminal, 80 where there is none. */
  readonly width: number;
  /** Whether messages may be coloured. */
  readonly colour: boolean;
  /** From now on these signals end the process with the exit status that it has. */
  exitOn(signals: readonly NodeJS.Signals[]): void;
}

/**
 * The process's own streams. Output that cannot be written (`| head`, a full disk) is given up without a word: what is
 * done to the host must not hang on it, nor the exit status.
 */
export function processIo({ stdout, stderr, env }: NodeJS.Process = process): Io {
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    width: (stdout.isTTY && stdout.columns) || 80,
    colour: stderr.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    exitOn(signals) {
      // Without the last of these, signals would kill again while Node takes itself down.
      for (const event of [...signals, 'beforeExit']) process.on(event, () => process.exit());
    },
  };
}

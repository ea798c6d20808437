/** Where the command line writes, and how it ends. */
import { writeSync } from 'node:fs';

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

/** A stream, made where it is first used: Node loads its sockets for that. */
function opened(open: () => NodeJS.WriteStream): () => NodeJS.WriteStream {
  let stream: NodeJS.WriteStream | undefined;
  return () => {
    stream ??= open().on('error', () => {});
    return stream;
  };
}

/** Writes data at once, without a stream, and gives up likewise what cannot be written: for what is all that there is. */
export function say(text: string): void {
  try {
    writeSync(1, text);
  } catch {}
}

/**
 * The process's own streams. Output that cannot be written (`| head`, a full disk) is given up without a word: what is
 * done to the host must not hang on it, nor the exit status.
 */
export function processIo({ env }: NodeJS.Process = process): Io {
  const [stdout, stderr] = [opened(() => process.stdout), opened(() => process.stderr)];
  return {
    out: (text) => void stdout().write(text),
    err: (text) => void stderr().write(text),
    get width() {
      return (stdout().isTTY && stdout().columns) || 80;
    },
    get colour() {
      return stderr().isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
    },
    exitOn(signals) {
      // Without the last of these, signals would kill again while Node takes itself down.
      for (const event of [...signals, 'beforeExit']) process.on(event, () => process.exit());
    },
  };
}

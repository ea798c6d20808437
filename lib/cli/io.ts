/** Where the command line writes, and how it ends. */
import { fstatSync } from 'node:fs';
import { native } from '../native.js';
import { isPlainNode } from './plain-node.js';

export interface Io {
  /** Writes data. */
  out(text: string): void;
  /** Writes messages. */
  err(text: string): void;
  /** Columns of the terminal, 80 where there is none. */
  readonly width: number;
  /** Whether messages may be coloured. */
  readonly colour: boolean;
  /** Whether messages go to a terminal. */
  readonly isTerminal: boolean;
  /**
   * From now on these signals end the process with the exit status that it has.
   * @param release takes away what they did before
   */
  exitOn(signals: readonly NodeJS.Signals[], release: () => void): void;
}

/** The process's own. */
export interface ProcessIo extends Io {
  /** Ends the process with an exit status; where a stream has output to be read, once that is done. */
  end(status: number): void;
}

/** Where text goes: at once, or by a stream, which is made where it is first needed, since Node loads its sockets for it. */
interface Outlet {
  readonly isStream: () => boolean;
  readonly stream: () => NodeJS.WriteStream;
  readonly write: (text: string) => void;
}

function outlet(fd: number, open: () => NodeJS.WriteStream): Outlet {
  let opened: NodeJS.WriteStream | undefined;
  const stream = (): NodeJS.WriteStream => {
    opened ??= open().on('error', () => {});
    return opened;
  };
  const write = (text: string): void => {
    const bytes = Buffer.from(text);
    // What a reader takes at once needs no stream, and what it does not take must not be waited for.
    const put = opened === undefined ? writtenAtOnce(fd, bytes) : 0;
    if (put < bytes.length) stream().write(bytes.subarray(put));
  };
  return { isStream: () => opened !== undefined, stream, write };
}

/** Bytes written. Where the addon cannot be loaded, a stream has to tell so. */
function writtenAtOnce(fd: number, bytes: Uint8Array): number {
  try {
    return native().writeWithoutWaiting(fd, bytes);
  } catch {
    return 0;
  }
}

/** Node loads its sockets to tell: a pipe or a file, as a hook has, is known without. */
function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(fd);
  } catch {
    return false;
  }
}

/** To join its threads and to clear its heap takes Node longer than to read a cgroup. */
function endAtOnce(status: number): void {
  try {
    native().endProcess(status);
  } catch {
    // Without the addon, Node takes itself down.
  }
}

/**
 * The process's own streams. Output that cannot be written (`| head`, a full disk) is given up without a word: what is
 * done to the host must not hang on it, nor the exit status.
 */
export function processIo({ env }: NodeJS.Process = process): ProcessIo {
  const [stdout, stderr] = [outlet(1, () => process.stdout), outlet(2, () => process.stderr)];
  const isWritten = (): boolean => !stdout.isStream() && !stderr.isStream();
  return {
    out: stdout.write,
    err: stderr.write,
    get width() {
      const stream = stdout.stream();
      return (stream.isTTY && stream.columns) || 80;
    },
    get colour() {
      return stderr.stream().isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
    },
    get isTerminal() {
      return isTerminal(2);
    },
    exitOn(signals, release) {
      // It ends before it would look for a signal.
      if (isWritten()) return;
      // Without the last of these, signals would kill again while Node takes itself down.
      for (const event of [...signals, 'beforeExit']) process.on(event, () => process.exit());
      release();
    },
    end(status) {
      if (isWritten() && isPlainNode() && process.listenerCount('exit') === 0) endAtOnce(status);
      process.exitCode = status;
      if (isWritten()) process.exit();
    },
  };
}

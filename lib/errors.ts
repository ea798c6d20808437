/**
 * Every error that leaves this package is a {@link VfioIsolateError}. Its message is one line: what failed, on what,
 * and why; `remedy`, where there is one, says what to do about it.
 */
import { getSystemErrorMap } from 'node:util';

/** The codes of errors that are not a system call's: those carry the kernel's own name, such as `EBUSY`. */
export type ErrorCode =
  /** A command line or parameter that can never work as written. */
  | 'ERR_USAGE'
  /** This host lacks what the command needs: no cpuset controller, no governor, an old systemd. */
  | 'ERR_UNSUPPORTED'
  /** The host's present state forbids the change: a missing cpuset, a name already there, children in the way. */
  | 'ERR_STATE'
  /** The undo record is damaged, not ours, or could have been written by somebody else. */
  | 'ERR_RECORD'
  /** The lock of another run was not released in time. */
  | 'ERR_LOCKED'
  /** The kernel took a value and holds another one. */
  | 'ERR_NOT_HELD'
  /** A restore left something as it found it. */
  | 'ERR_INCOMPLETE'
  /** The native addon could not be loaded. */
  | 'ERR_ADDON'
  /** Stopped by an AbortSignal or a signal. */
  | 'ABORT_ERR'
  /** A fault of this tool's own; the cause is attached. */
  | 'ERR_INTERNAL';

export interface ErrorDetails {
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
}

export class VfioIsolateError extends Error {
  readonly code: string;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(onOneLine(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.remedy = details.remedy;
  }
}

/** Room for the longest path, and what is said of it. */
const LONGEST = 5000;

/** Whatever it quotes: a kernel file, a name, what systemd says. */
function onOneLine(text: string): string {
  return shortened(text, LONGEST).replace(/\s*\n\s*/g, ' ');
}

/** A text, cut to so many characters where it is longer. */
export function shortened(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}

/** A command line or parameter that can never work as written; the CLI exits with status 2. */
export class UsageError extends VfioIsolateError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('ERR_USAGE', message, details);
  }
}

export interface SystemErrorFields extends ErrorDetails {
  /** Negative, as in Node's own system errors. */
  readonly errno: number;
  readonly syscall: string;
  readonly path?: string | undefined;
  /** The value that was being written. */
  readonly value?: string | undefined;
  /** Why the kernel answers so, in the kernel's terms, where it is known better than by the errno's own text. */
  readonly reason?: string | undefined;
}

/** A refused system call, shaped like Node's own: `code`, negative `errno`, `syscall`, `path`, and the value written. */
export class SystemError extends VfioIsolateError {
  readonly errno: number;
  readonly syscall: string;
  readonly path: string | undefined;
  readonly value: string | undefined;
  readonly reason: string;

  constructor(fields: SystemErrorFields) {
    const name = errnoName(fields.errno);
    const reason = fields.reason ?? errnoText(fields.errno);
    super(name as ErrorCode, describeCall(fields, `${name}: ${reason}`), fields);
    this.errno = fields.errno;
    this.syscall = fields.syscall;
    this.path = fields.path;
    this.value = fields.value;
    this.reason = reason;
  }

  /** The same refusal, with what the caller knows of its reason and remedy. */
  explained(known: { reason?: string | undefined; remedy?: string | undefined }): SystemError {
    return new SystemError({
      errno: this.errno,
      syscall: this.syscall,
      path: this.path,
      value: this.value,
      reason: known.reason ?? this.reason,
      remedy: known.remedy ?? this.remedy,
      cause: this,
    });
  }
}

function describeCall(fields: SystemErrorFields, outcome: string): string {
  const value = fields.value === undefined ? '' : ` ${JSON.stringify(fields.value)}`;
  const preposition = fields.value === undefined ? ' ' : ' to ';
  const where = fields.path === undefined ? '' : `${preposition}${fields.path}`;
  return `${fields.syscall}${value}${where}: ${outcome}`;
}

type Errno = readonly [name: string, text: string];

/** The kernel's own, where libuv's differ, or it has none; and the one that is met at every start. */
const OF_THE_KERNEL = new Map<number, Errno>([
  [-2, ['ENOENT', 'no such file or directory']],
  [-95, ['EOPNOTSUPP', 'operation not supported']],
  [-117, ['EUCLEAN', 'structure needs cleaning']],
  [-61, ['ENODATA', 'no data available']],
  [-19, ['ENODEV', 'no such device']],
]);

/** libuv's, which Node copies each time that it is asked. */
let ofLibuv: Map<number, Errno> | undefined;

function errnoOf(errno: number): Errno | undefined {
  const known = OF_THE_KERNEL.get(errno);
  if (known !== undefined) return known;
  ofLibuv ??= getSystemErrorMap();
  return ofLibuv.get(errno);
}

/** The kernel's name of a negative errno: `EBUSY` for -16. */
export function errnoName(errno: number): string {
  return errnoOf(errno)?.[0] ?? `E${-errno}`;
}

function errnoText(errno: number): string {
  return errnoOf(errno)?.[1] ?? `error ${-errno}`;
}

/** Whether an error is a refused system call, with one of these codes if any are given. */
export function isSystemError(error: unknown, ...codes: string[]): error is SystemError {
  return error instanceof SystemError && (codes.length === 0 || codes.includes(error.code));
}

/** Turns an error of `node:fs` into a {@link SystemError}; anything else is returned as it came. */
export function fromNode(error: unknown): unknown {
  const node = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || error instanceof VfioIsolateError) return error;
  if (typeof node.errno !== 'number' || typeof node.syscall !== 'string') return error;
  return new SystemError({ errno: node.errno, syscall: node.syscall, path: node.path, cause: error });
}

/** An error as one of ours: whatever else was thrown is a fault of this tool's own. */
export function asOurs(error: unknown): VfioIsolateError {
  const ours = fromNode(error);
  if (ours instanceof VfioIsolateError) return ours;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new VfioIsolateError('ERR_INTERNAL', message, { cause: error, remedy: "please report it, with -d's output" });
}

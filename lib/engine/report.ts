/** What a run tells its caller. Plain data but for the errors, which are {@link VfioIsolateError}s. */
import type { Parameters } from '../actions/spec.js';
import type { VfioIsolateError } from '../errors.js';
import type { Host, StopSignal } from '../host.js';
import type { Refused } from '../steps/step.js';

/** One command of a chain. */
export interface Command {
  /** A name of the registry: `cpuset-create`. */
  readonly name: string;
  readonly parameters: Parameters;
}

export type { StopSignal } from '../host.js';

export interface RunOptions {
  /**
   * The name of the undo record, a path: a live record of that name is continued. By default the run gets a record of its
   * own, which is numbered. With `false` nothing can be restored afterwards; the run itself is rolled back all the same.
   */
  readonly undo?: string | false;
  /** What the record says who asked for the run; the process's command line unless given. */
  readonly commandLine?: string;
  /** Plan everything, change nothing; needs neither the lock nor a record. */
  readonly dryRun?: boolean;
  /** Go on after a command that failed, and keep what the others did. */
  readonly keepGoing?: boolean;
  /** Do what is refused for safety's sake; restore what somebody else has changed since. */
  readonly force?: boolean;
  /** Seconds to wait for another run's lock; unless given, 10, and 120 if all commands are restores. */
  readonly wait?: number;
  /** Stops the run: before its commit it is rolled back; a restore stops after the present step. */
  readonly signal?: StopSignal;
  readonly host?: Host;
  /** Called with each change as soon as it holds (in a dry run: as soon as it is planned). */
  readonly onChange?: (change: Change) => void;
}

export interface Change {
  /** Name of the command that it belongs to. */
  readonly command: string;
  readonly kind: string;
  readonly target: string;
  readonly from: unknown;
  readonly to: unknown;
  /** One line for people: what, old -> new. */
  readonly text: string;
  /** Things changed: 1 for most kinds, tasks for a move; 0 in a dry run. */
  readonly changed: number;
}

export interface CommandReport {
  readonly command: string;
  /**
   * `planned` in a dry run; `done`; `failed`; `undone`: it had been done or begun, and was rolled back; `skipped`: an
   * earlier command failed.
   */
  status: 'planned' | 'done' | 'failed' | 'undone' | 'skipped';
  readonly changes: Change[];
  /** Expected refusals, each named. */
  readonly refused: Refused[];
  /** Tasks that exited meanwhile. */
  gone: number;
  readonly notes: string[];
  /** Of a restore: each thing that was left as it was found, and why. */
  readonly failures: VfioIsolateError[];
  error?: VfioIsolateError;
}

export interface RunReport {
  /** Whether everything asked for holds. */
  readonly ok: boolean;
  readonly dryRun: boolean;
  readonly commands: readonly CommandReport[];
  /** The first error; for an abort its code is `ABORT_ERR`. */
  readonly error?: VfioIsolateError;
  /** Errors met while rolling back; what they left is still in the record. */
  readonly rollbackErrors: readonly VfioIsolateError[];
  /** The name of the record that undoes what holds, as `restore` takes it; absent if nothing is there to undo. */
  readonly record?: string;
}

/** Of a command that has not begun. */
export function emptyReport(command: string): CommandReport {
  return { command, status: 'skipped', changes: [], refused: [], gone: 0, notes: [], failures: [] };
}

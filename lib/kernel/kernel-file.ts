/** What is known of a kernel file that this tool writes to; each area of the kernel lists its own. */
import type { SystemError } from '../errors.js';
import type { Host } from '../host.js';
import { parseList } from '../sets/list.js';
import type { RootName } from './door.js';

export interface KernelFile {
  readonly root: RootName;
  /** Matches the path below the root. */
  readonly pattern: RegExp;
  /**
   * Whether two texts stand for the same value.
   * @param source what they were read from, for the message
   * @throws VfioIsolateError `ERR_UNSUPPORTED` for a text that no such file can hold
   */
  readonly same: (a: string, b: string, source: string) => boolean;
  /** A write triggers something and leaves no value to read back. */
  readonly trigger?: boolean;
  /** Rewritten by daemons as a matter of course, so that a strange value says nothing: always restored. */
  readonly drifts?: boolean;
  /**
   * What an empty value amounts to, where the kernel may refuse to make the file empty again: then that is written, which
   * is equal in effect.
   */
  readonly inherited?: (host: Host, path: string) => string | undefined;
  /** What of a value it can hold at present: a v1 cpuset takes no CPU that is offline (EINVAL). */
  readonly attainable?: (host: Host, path: string, text: string) => string;
  /** What others below hold it to, if there are any: a v1 cpuset cannot lose what a cpuset below it has (EBUSY). */
  readonly heldBelow?: (host: Host, path: string) => HeldBelow | undefined;
  /** What is beside it that keeps it from a value, if anything does: of v1 cpusets no two share what one has exclusively (EINVAL). */
  readonly barriers?: (host: Host, path: string) => (wanted: string) => string | undefined;
  /** Whether the kernel itself may have made the present value of a given one: a v1 cpuset loses CPUs that go offline. */
  readonly mayHaveShrunk?: (host: Host, path: string, present: string, given: string) => boolean;
  /** What has taken over a value that was given, and would have another by the first: each a file, its text, and that other. */
  readonly heirs?: (host: Host, inheritance: Inheritance) => readonly { target: string; from: string; to: string }[];
  /** Throws where a value was taken that does not hold. */
  readonly requireEffective?: (host: Host, path: string) => void;
  /** A write overwrites affinity masks of tasks: before 6.2 all, since then those that nobody has set. */
  readonly overwritesMasks?: boolean;
  /** Refusals that are to be expected of some such files, each with its reason. */
  readonly refusals?: Readonly<Record<string, string>>;
  /** What the kernel means by another refusal, and what to do about it. */
  readonly explain?: (error: SystemError, host: Host) => { reason?: string; remedy?: string };
}

export interface Inheritance {
  readonly given: string;
  readonly first: string;
  /** Numbers of those that look like heirs and were there before. */
  readonly known: readonly number[];
}

/** As it was when it was asked for. */
export interface HeldBelow {
  keepsFrom(wanted: string): boolean;
  /** What can be held on the way from one value to another, whatever is below. */
  between(a: string, b: string): string;
}

/** Of words and numbers: as they are printed, but for the newline. */
export const sameText = (a: string, b: string): boolean => a.trim() === b.trim();

/** Of cpulists and nodelists. */
export const sameList = (a: string, b: string, source: string): boolean =>
  parseList(a, source).equals(parseList(b, source));

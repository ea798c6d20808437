/**
 * A step names one change together with what was there before, as plain JSON. Dry run prints it, apply performs it, the
 * undo record stores it, and restore walks it backwards. Every step says of one thing that it goes from one value to
 * another; so undoing it is again a step, from the present value back to the first.
 */
import type { Host } from '../host.js';
import type { TaskId } from '../kernel/tasks.js';
import type { Control, MoveRecord } from '../native.js';
import type { Marking } from './marks.js';
import type { OverlayHost } from './overlay.js';

export interface Step<Kind extends string = string, Value = unknown> {
  readonly kind: Kind;
  /** The thing changed: an absolute path or another name that is unique within its kind. */
  readonly target: string;
  readonly from: Value;
  readonly to: Value;
}

/** A kernel's refusal that was to be expected: counted and named, not an error. */
export interface Refused {
  /** What refused: a task, an interrupt. */
  readonly what: string;
  readonly reason: string;
  /** The kernel's name of the errno, where it was a system call that was refused. */
  readonly code?: string;
}

export interface Outcome {
  /** Things changed: 1 for most kinds, tasks for a move. */
  readonly changed: number;
  /** Things that vanished meanwhile. */
  readonly gone?: number;
  readonly refused?: readonly Refused[];
  /** What a user should know of how it went. */
  readonly notes?: readonly string[];
}

/** What apply may use beside the step. */
export interface ApplyContext {
  readonly host: Host;
  readonly control: Control;
  /** Where a kind that finds its things only as it goes (a move) writes them ahead; its step is there already. */
  readonly ledger?: Ledger;
  /** Where it undoes: hears of the tasks that a step names, batch by batch, as soon as they have what it gives. */
  readonly onDone?: OnDone | undefined;
}

export type OnDone = (tasks: readonly TaskId[]) => Promise<void>;

/** The growing end of the record during one step. */
export interface Ledger {
  /** Appends a detail of the step, durably. */
  append(detail: Detail): Promise<void>;
  /** Lends the record to native code, which appends details of its own. */
  lend<T>(use: (record: MoveRecord) => Promise<T>): Promise<T>;
}

export type Detail = Readonly<Record<string, unknown>>;

/** What the record holds of one thing: every change to it merged, the first-seen and the last-written value kept. */
export interface Entry<S extends Step = Step> {
  /** `from` is the first-seen value, `to` the last written. */
  readonly step: S;
  /** The steps that it is made of, in order, each with what apply appended under it. */
  readonly parts: readonly Part<S>[];
}

export interface Part<S extends Step = Step> {
  readonly step: S;
  readonly details: readonly Detail[];
  /** Of a kind that is marked task by task. */
  readonly marking?: Marking | undefined;
}

/** What apply appended, in order. */
export function detailsOf({ parts }: Entry): Detail[] {
  return parts.flatMap(({ details }) => details);
}

export interface UndoOptions {
  /** Also what somebody else has changed since. */
  readonly force: boolean;
  /** It has been undone once already in this run, wholly or in part: only what has appeared since is looked for. */
  readonly again?: boolean;
  /** What this could wait for will not come: a nearest equal state will do. */
  readonly settle: boolean;
  /** New things of it appear faster than they can be named: all that goes to one place may go there unnamed. */
  readonly unnamed?: boolean;
  /** Directories of the cgroups that go once all is undone. */
  readonly leaving: ReadonlySet<string>;
}

export interface Undo {
  /** They bring back the first-seen value; none where it is there already. */
  readonly steps: readonly Step[];
  /** What comes along once it is undone; where that is refused, it is an outcome, not an error. */
  readonly after?: readonly Step[];
  /** What somebody else has changed since, and is left as it is unless forced; a line each. */
  readonly changed?: readonly string[];
  /** It has to wait for other entries to be undone first. Steps then go a part of the way. */
  readonly waiting?: Waiting | undefined;
  /** What a user should know of it: where only a nearest equal state could be had. */
  readonly notes?: readonly string[];
  /** By TID of a task that the steps name: the tasks that are back with it, which may be none; unsaid, itself. */
  readonly along?: ReadonlyMap<number, readonly TaskId[]>;
  /** Something was there that was gone before it could be looked at, and may have left other such; for a message. */
  readonly missed?: { readonly because: string; readonly remedy: string } | undefined;
}

export interface Waiting {
  /** The entries that it waits for: those of a kind, or those that bring one of these cgroups back, by its directory. */
  readonly for: string | readonly string[];
  /** Why, for a message. */
  readonly because: string;
}

/** What holds no longer of an entry that could not be undone as a whole. */
export interface Standing {
  /** Tasks that are as they were first seen. */
  readonly back: readonly TaskId[];
  /** Indices of the parts of which nothing holds. */
  readonly spent: readonly number[];
}

/** All that the engine knows of a kind of change. One file in this folder defines each. */
export interface StepKind<S extends Step = Step> {
  readonly kind: S['kind'];
  /** Which steps merge into one entry of the record: those on one target, all of this kind, or none. */
  readonly merges: 'target' | 'kind' | 'never';
  /**
   * Checks a step read from a record: shape, and that its target is one this tool writes to.
   * @returns what was checked of it
   * @throws VfioIsolateError
   */
  validate(step: Step, host: Host): S;
  /** Checks a detail of such a step; unsaid, they have none. @returns what was checked of it @throws VfioIsolateError */
  validateDetail?(detail: Detail, host: Host): Detail;
  /** Performs it and reads it back. @throws SystemError, VfioIsolateError */
  apply(step: S, context: ApplyContext): Promise<Outcome>;
  /** How to bring back the first-seen value from the present state. */
  undo(entry: Entry<S>, host: Host, options: UndoOptions): Undo | Promise<Undo>;
  /** What holds no longer of an entry that was not undone as a whole; of a kind that is marked task by task. */
  standing?(entry: Entry<S>, host: Host, options: UndoOptions): Promise<Standing>;
  /**
   * Of a list that may be empty and then is what the cgroup above it has: how deep the cgroup lies. Such are undone from the
   * top down, or one would be given what the one above it is still narrowed to.
   */
  depth?(step: S, host: Host): number | undefined;
  /** Once all is undone: where only a state that is equal in effect could be had, a line each. */
  remains?(entry: Entry<S>, host: Host): string[];
  /** Whether it has to be undone again until that takes no more such steps of its kind: new things of it may appear. */
  repeats?(step: S): boolean;
  /** How often in a row nothing new may be found, with a pause before each further look; unsaid, once is enough. */
  readonly quietLooks?: number;
  /** Directory of the cgroup that comes back when this entry is undone. */
  bringsBack?(entry: Entry<S>, host: Host): string | undefined;
  /** Directory of the cgroup that takes tasks again when this entry is undone. */
  admits?(entry: Entry<S>): string | undefined;
  /** Directory of the cgroup that goes when this entry is undone. */
  takesAway?(entry: Entry<S>, host: Host, force: boolean): string | undefined;
  /** Name of what goes as a whole when this entry is undone ... */
  encloses?(entry: Entry<S>): string | undefined;
  /** ... and name of the whole that such a step would go with. */
  within?(step: S): string;
  /** One line: what, old -> new. @param changed how many things, once it has been applied */
  describe(step: S, changed?: number): string;
  /** Lays the change over a host that a dry run plans against. */
  preview(step: S, overlay: OverlayHost): void;
}

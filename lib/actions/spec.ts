/**
 * What an action file exports: a declarative spec, from which the command line, the man page and the completions are
 * built, and a plan, which turns parameters into steps.
 */
import type { Host } from '../host.js';
import type { Entry, Outcome, Refused, Step } from '../steps/step.js';

/** What a word on the command line stands for: for help, completion and the man page. */
export type ValueType = 'cpus' | 'nodes' | 'cpuset' | 'file' | 'governor' | 'pid' | readonly string[];

export interface ArgumentSpec {
  /** Lower case, words joined by `-`. Its parameter has the same name in camel case. */
  readonly name: string;
  readonly help: string;
  readonly type: ValueType;
  readonly optional?: boolean;
  /** Takes all that follow, up to the next command's name; only the last argument may. */
  readonly variadic?: boolean;
}

export interface OptionSpec {
  /** Without dashes. Its parameter has the same name in camel case. */
  readonly name: string;
  readonly help: string;
  /** With a value: an option that takes one. Without: a flag, which `--no-NAME` sets to false. */
  readonly value?: { readonly name: string; readonly type: ValueType };
  /** The original's short token of a flag, without dash: `mm` stands for `-mm`, and `-nmm` for its negation. */
  readonly short?: string;
}

export interface ActionSpec {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** Paragraphs for `COMMAND --help` and the man page. */
  readonly description: readonly string[];
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Command lines that show its use, each with its effect. */
  readonly examples: readonly { readonly line: string; readonly effect: string }[];
}

/** Parameters by their camel-case names; what was not given is absent. */
export type Parameters = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** The name of the parameter that an option or argument stands for: `mem-migrate` is `memMigrate`. */
export function parameterName(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

export interface PlanContext {
  /** The host as the steps before this command left it; in a dry run, with those steps laid over it. */
  readonly host: Host;
  /** `--force`: do what is refused for safety's sake. */
  readonly force: boolean;
  /** What the records hold that is not undone, the earliest first: where tasks came from. */
  recorded(): readonly Entry[];
}

export interface Plan {
  /** Changes to make, in order. */
  readonly steps: readonly Step[];
  /** The directory of a cpuset that the steps delete: if a record says that we made it, that is undone then. */
  readonly unmakes?: string;
  /** What a user should know beforehand, a line each. */
  readonly notes?: readonly string[];
  /** Things that are left as they are, as was to be expected of them. */
  readonly left?: readonly Refused[];
  /**
   * Called once the steps have been applied, not in a dry run: whether what was asked for holds now.
   * @param outcomes what became of each step
   * @returns what a user should know of it, a line each
   * @throws VfioIsolateError `ERR_NOT_HELD`: then the command has failed, and is rolled back
   */
  conclude?(outcomes: readonly Outcome[]): readonly string[];
}

/** A command that changes the host. */
export interface Action {
  readonly spec: ActionSpec;
  /** It may take long, and leaves nothing to undo: so it is done before the run has the lock, and is on no record. */
  readonly isTrigger?: true;
  /** @throws UsageError for a parameter that can never work; VfioIsolateError for one that this host forbids */
  plan(parameters: Parameters, context: PlanContext): Plan | Promise<Plan>;
}

/** A command that brings the host back: it plans nothing of its own, but names a record. */
export interface RestoreAction {
  readonly spec: ActionSpec;
  /** Name of the record; undefined for that of the last run that still holds something. @throws UsageError */
  record(parameters: Parameters): string | undefined;
}

/** One step at a time: written ahead, applied, reported. */
import { VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { newControl } from '../native.js';
import { breathe } from '../pause.js';
import type { OverlayHost } from '../steps/overlay.js';
import { kindOf } from '../steps/registry.js';
import type { OnDone, Outcome, Step } from '../steps/step.js';
import type { UndoRecord } from './record/record.js';
import type { Change, CommandReport, StopSignal } from './report.js';

/** Whatever a run needs to change the host or, in a dry run, to lay its changes over it. */
export interface Performer {
  readonly host: Host;
  /** Whether it changes the host. */
  readonly isReal: boolean;
  /**
   * Performs steps in order, telling the report.
   * @param onDone hears of the tasks that the steps name
   * @returns what became of each
   */
  perform(steps: readonly Step[], report: CommandReport, onDone?: OnDone): Promise<Outcome[]>;
}

type Tell = ((change: Change) => void) | undefined;

/** Applies steps for real. Without a record nothing is written ahead: so for undoing, which can begin anew at any time. */
export class Applier implements Performer {
  readonly isReal = true;
  readonly host: Host;
  readonly #record: UndoRecord | undefined;
  readonly #signal: StopSignal | undefined;
  readonly #tell: Tell;

  constructor(host: Host, record: UndoRecord | undefined, signal: StopSignal | undefined, tell: Tell) {
    this.host = host;
    this.#record = record;
    this.#signal = signal;
    this.#tell = tell;
  }

  async perform(steps: readonly Step[], report: CommandReport, onDone?: OnDone): Promise<Outcome[]> {
    throwIfAborted(this.#signal);
    for (const step of steps) requireReadable(step, this.host);
    const first = (await this.#record?.writeSteps(report.command, steps)) ?? 0;
    const outcomes: Outcome[] = [];
    for (const [index, step] of steps.entries()) {
      // A signal is seen between two steps.
      await breathe();
      throwIfAborted(this.#signal);
      const outcome = await this.#apply(step, first + index, onDone);
      note(report, step, outcome, this.#tell);
      outcomes.push(outcome);
    }
    return outcomes;
  }

  async #apply(step: Step, number: number, onDone?: OnDone): Promise<Outcome> {
    const control = newControl();
    const cancel = () => void Atomics.store(control, 0, 1);
    this.#signal?.addEventListener('abort', cancel);
    try {
      const ledger = this.#record?.ledger(number);
      return await kindOf(step).apply(step, { host: this.host, control, onDone, ...(ledger && { ledger }) });
    } finally {
      this.#signal?.removeEventListener('abort', cancel);
    }
  }
}

/** Lays steps over the host that a dry run plans against. */
export class Rehearsal implements Performer {
  readonly isReal = false;
  readonly host: OverlayHost;
  readonly #tell: Tell;

  constructor(host: OverlayHost, tell: Tell) {
    this.host = host;
    this.#tell = tell;
  }

  async perform(steps: readonly Step[], report: CommandReport): Promise<Outcome[]> {
    return steps.map((step) => {
      requireReadable(step, this.host);
      kindOf(step).preview(step, this.host);
      const outcome = { changed: 0 };
      note(report, step, outcome, this.#tell);
      return outcome;
    });
  }
}

/**
 * A step is checked as if it came from a record: it may have values of a kernel file that holds nonsense, and then nobody
 * could undo it.
 * @throws VfioIsolateError
 */
function requireReadable(step: Step, host: Host): void {
  try {
    kindOf(step).validate(step, host);
  } catch (error) {
    if (error instanceof VfioIsolateError) throw error;
    throw new VfioIsolateError('ERR_STATE', `${step.target} cannot be changed: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function note(report: CommandReport, step: Step, outcome: Outcome, tell: Tell): void {
  const { kind, target, from, to } = step;
  const change = {
    command: report.command,
    kind,
    target,
    from,
    to,
    text: kindOf(step).describe(step, outcome.changed),
    changed: outcome.changed,
  };
  report.gone += outcome.gone ?? 0;
  // One by one: the tasks that a move was refused are too many to be arguments of one call.
  for (const refused of outcome.refused ?? []) report.refused.push(refused);
  for (const line of outcome.notes ?? []) report.notes.push(line);
  // A refused write changed nothing, and is named among the refused.
  if (outcome.changed === 0 && outcome.refused?.length) return;
  report.changes.push(change);
  tell?.(change);
}

export function throwIfAborted(signal: StopSignal | undefined): void {
  if (signal?.aborted) throw new VfioIsolateError('ABORT_ERR', 'stopped by a signal');
}

/**
 * The commands of a chain, planned and performed one after the other. They hold or fall together, but for two cases: a
 * restore is a transaction of its own, and with `keepGoing` every command is. Triggers come before all others: they may
 * take long, leave nothing to undo, and so need neither the lock nor the record.
 */
import { actionOf } from '../actions/registry.js';
import { asOurs, type VfioIsolateError } from '../errors.js';
import type { Outcome } from '../steps/step.js';
import { type Performer, throwIfAborted } from './perform.js';
import { type Command, type CommandReport, emptyReport, type RunOptions, type RunReport } from './report.js';
import { restore } from './restore.js';
import type { Unmaking } from './unmaking.js';

/** What the chain needs of the run around it. */
export interface Transaction {
  readonly performer: Performer;
  /** What a restore brings back the host with: how to redo that is recorded only if a record was named for it. */
  readonly restorer: Performer;
  readonly unmaking: Unmaking;
  /** A point that can be rolled back to. */
  mark(): number;
  /** Undoes all since a mark. */
  rollBack(since: number): Promise<RolledBack>;
  commit(): Promise<void>;
}

export interface RolledBack {
  /** What they left is still in the record. */
  readonly errors: readonly VfioIsolateError[];
  /** Where only a nearest equal state could be had. */
  readonly notes: readonly string[];
}

/** A command and what is told of it. */
interface Link {
  readonly command: Command;
  readonly report: CommandReport;
}

/** A chain whose triggers have been performed. */
export interface Begun {
  readonly links: readonly Link[];
  /** The first error of a trigger. */
  readonly error?: VfioIsolateError;
}

/** Performs the triggers of a chain, in its order. */
export async function performTriggers(
  commands: readonly Command[],
  options: RunOptions,
  performer: Performer,
): Promise<Begun> {
  const links = commands.map((command): Link => ({ command, report: emptyReport(command.name) }));
  let first: VfioIsolateError | undefined;
  for (const link of links.filter(isTrigger)) {
    const error = await performLink(link, options, performer);
    first ??= error;
    if (error !== undefined && isOver(error, options)) break;
  }
  return { links, ...(first && { error: first }) };
}

/** Whether an error ends the chain. */
const isOver = ({ code }: VfioIsolateError, { keepGoing }: RunOptions): boolean => !keepGoing || code === 'ABORT_ERR';

/** What is left to do of a chain. */
function rest({ links, error }: Begun, options: RunOptions): Link[] {
  const isAborted = links.some(({ report }) => report.error?.code === 'ABORT_ERR');
  if (isAborted || (error !== undefined && isOver(error, options))) return [];
  return links.filter((link) => !isTrigger(link));
}

/** Whether something is left to do that takes a transaction. */
export const isOpen = (begun: Begun, options: RunOptions): boolean => rest(begun, options).length > 0;

export function reportOf(
  { links, error }: Begun,
  options: RunOptions,
  rollbackErrors: readonly VfioIsolateError[] = [],
): RunReport {
  const commands = links.map(({ report }) => report);
  const dryRun = options.dryRun ?? false;
  return { ok: error === undefined, dryRun, commands, rollbackErrors, ...(error && { error }) };
}

/** Performs what is left of a chain. */
export async function performChain(begun: Begun, options: RunOptions, transaction: Transaction): Promise<RunReport> {
  const rollbackErrors: VfioIsolateError[] = [];
  let first = begun.error;
  for (const unit of units(rest(begun, options), options.keepGoing ?? false)) {
    const since = transaction.mark();
    const error = await performUnit(unit, options, transaction);
    if (error === undefined) continue;
    first ??= error;
    // A restore stays: nobody is helped by a host that is brought out of its first state again.
    if (!unit.some(isRestore)) {
      const { errors, notes } = await transaction.rollBack(since);
      rollbackErrors.push(...errors);
      const stopped = unit.find(({ report }) => report.status === 'failed') ?? unit.at(-1);
      stopped?.report.notes.push(...notes);
      for (const { report } of unit) if (report.status === 'done') report.status = 'undone';
    }
    if (isOver(error, options)) break;
  }
  return reportOf({ links: begun.links, ...(first && { error: first }) }, options, rollbackErrors);
}

/** The commands that hold or fall together. */
function units(links: readonly Link[], keepGoing: boolean): Link[][] {
  const groups: Link[][] = [];
  links.forEach((link, index) => {
    const before = links[index - 1];
    const joins = !keepGoing && before !== undefined && !isRestore(before) && !isRestore(link);
    if (joins) groups.at(-1)?.push(link);
    else groups.push([link]);
  });
  return groups;
}

function isRestore({ command }: Link): boolean {
  return isRestoring(command);
}

/** Whether a command brings the host back. */
export function isRestoring({ name }: Command): boolean {
  return 'record' in actionOf(name);
}

function isTrigger({ command }: Link): boolean {
  const action = actionOf(command.name);
  return 'isTrigger' in action && action.isTrigger === true;
}

/** @returns the error that stopped it */
async function performUnit(
  unit: readonly Link[],
  options: RunOptions,
  { performer, restorer, unmaking, commit }: Transaction,
): Promise<VfioIsolateError | undefined> {
  for (const link of unit) {
    const error = await performLink(link, options, isRestore(link) ? restorer : performer, unmaking);
    if (error !== undefined) return error;
  }
  try {
    if (!unit.some(isRestore)) throwIfAborted(options.signal);
    await commit();
    return undefined;
  } catch (error) {
    return asOurs(error);
  }
}

/** @returns the error that stopped it */
async function performLink(
  { command, report }: Link,
  options: RunOptions,
  performer: Performer,
  unmaking?: Unmaking,
): Promise<VfioIsolateError | undefined> {
  try {
    throwIfAborted(options.signal);
    await perform(command, report, performer, unmaking, options);
    report.status = options.dryRun ? 'planned' : 'done';
    return undefined;
  } catch (error) {
    report.status = 'failed';
    report.error = asOurs(error);
    return report.error;
  }
}

async function perform(
  { name, parameters }: Command,
  report: CommandReport,
  performer: Performer,
  unmaking: Unmaking | undefined,
  options: RunOptions,
): Promise<void> {
  const action = actionOf(name);
  if ('record' in action) return restore(action.record(parameters), performer, report, options);

  const plan = await action.plan(parameters, {
    host: performer.host,
    force: options.force ?? false,
    recorded: () => unmaking?.recorded() ?? [],
  });
  report.notes.push(...(plan.notes ?? []));
  report.refused.push(...(plan.left ?? []));
  let outcomes: readonly Outcome[] = [];
  const act = async () => {
    outcomes = await performer.perform(plan.steps, report);
  };
  if (plan.unmakes === undefined || unmaking === undefined) await act();
  else await unmaking.unmake(plan.unmakes, performer, report, act);
  if (performer.isReal) report.notes.push(...(plan.conclude?.(outcomes) ?? []));
}

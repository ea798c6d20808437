/**
 * The commands of a chain, planned and performed one after the other. They hold or fall together, but for two cases: a
 * restore is a transaction of its own, and with `keepGoing` every command is.
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

export async function performChain(
  commands: readonly Command[],
  options: RunOptions,
  transaction: Transaction,
): Promise<RunReport> {
  const links = commands.map((command): Link => ({ command, report: emptyReport(command.name) }));
  const rollbackErrors: VfioIsolateError[] = [];
  let first: VfioIsolateError | undefined;
  for (const unit of units(links, options.keepGoing ?? false)) {
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
    if (!options.keepGoing || error.code === 'ABORT_ERR') break;
  }
  const reports = links.map(({ report }) => report);
  const dryRun = options.dryRun ?? false;
  return { ok: first === undefined, dryRun, commands: reports, rollbackErrors, ...(first && { error: first }) };
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

/** @returns the error that stopped it */
async function performUnit(
  unit: readonly Link[],
  options: RunOptions,
  { performer, restorer, unmaking, commit }: Transaction,
): Promise<VfioIsolateError | undefined> {
  for (const { command, report } of unit) {
    try {
      throwIfAborted(options.signal);
      await perform(command, report, isRestoring(command) ? restorer : performer, unmaking, options);
      report.status = options.dryRun ? 'planned' : 'done';
    } catch (error) {
      report.status = 'failed';
      report.error = asOurs(error);
      return report.error;
    }
  }
  try {
    if (!unit.some(isRestore)) throwIfAborted(options.signal);
    await commit();
    return undefined;
  } catch (error) {
    return asOurs(error);
  }
}

async function perform(
  { name, parameters }: Command,
  report: CommandReport,
  performer: Performer,
  unmaking: Unmaking,
  options: RunOptions,
): Promise<void> {
  const action = actionOf(name);
  if ('record' in action) return restore(action.record(parameters), performer, report, options);

  const plan = await action.plan(parameters, {
    host: performer.host,
    force: options.force ?? false,
    recorded: () => unmaking.recorded(),
  });
  report.notes.push(...(plan.notes ?? []));
  report.refused.push(...(plan.left ?? []));
  let outcomes: readonly Outcome[] = [];
  const act = async () => {
    outcomes = await performer.perform(plan.steps, report);
  };
  if (plan.unmakes === undefined) await act();
  else await unmaking.unmake(plan.unmakes, performer, report, act);
  if (performer.isReal) report.notes.push(...(plan.conclude?.(outcomes) ?? []));
}

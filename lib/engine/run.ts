/** A run: takes the lock, opens the record, and has the chain of commands hold as a whole or not at all. */
import { actionOf } from '../actions/registry.js';
import { UsageError } from '../errors.js';
import { type Host, openHost, readOnce, withLock, withSignal } from '../host.js';
import { native } from '../native.js';
import { OverlayHost } from '../steps/overlay.js';
import { isOpen, isRestoring, performChain, performTriggers, reportOf, type Transaction } from './chain.js';
import { acquireLock } from './lock.js';
import { Applier, Rehearsal } from './perform.js';
import { ownCommandLine } from './record/command-line.js';
import type { UndoRecord } from './record/record.js';
import { recordForRun, requireRecordable } from './record/records.js';
import type { Command, RunOptions, RunReport } from './report.js';
import { rollBack } from './rollback.js';
import { Unmaking } from './unmaking.js';

/** Seconds. Nobody tries a restore again that has not had the lock: what it would bring back stays as it is. */
const DEFAULT_WAIT = { run: 10, restore: 120 };

/**
 * Runs a chain of commands as one transaction.
 * @returns a report, also where the chain failed and was rolled back: see `ok` and `error`
 * @throws before anything is touched: UsageError; VfioIsolateError `ERR_LOCKED`, `ERR_RECORD`, `ABORT_ERR`; SystemError
 */
export async function run(commands: readonly Command[], options: RunOptions = {}): Promise<RunReport> {
  if (commands.length === 0) throw new UsageError('no command given');
  for (const { name } of commands) actionOf(name);
  return options.dryRun ? rehearse(commands, options) : transact(commands, options);
}

/**
 * Brings the host back: what {@link run} with a single `restore` does.
 * @param record name of an undo record, as `undo` gave it, or the path of a numbered one (`record` of a report); by default
 *   that of the last run that still holds something
 * @returns a report, also if not all could be restored: see `ok` and `error`
 * @throws as {@link run}
 */
export async function restore(record?: string, options: RunOptions = {}): Promise<RunReport> {
  return run([{ name: 'restore', parameters: { undoFile: record } }], options);
}

async function rehearse(commands: readonly Command[], options: RunOptions): Promise<RunReport> {
  // Also for what could be planned without the addon: the run itself could not begin.
  native();
  const overlay = new OverlayHost(readOnce(withSignal(options.host ?? openHost(), options.signal)));
  requireRecordable(overlay, options.undo);
  const performer = new Rehearsal(overlay, options.onChange);
  const unmaking = new Unmaking(overlay, undefined, options.force ?? false);
  return performChain(await performTriggers(commands, options, performer), options, {
    performer,
    restorer: performer,
    unmaking,
    mark: () => 0,
    rollBack: async () => ({ errors: [], notes: [] }),
    commit: async () => {},
  });
}

async function transact(commands: readonly Command[], options: RunOptions): Promise<RunReport> {
  // Before the first trigger: without the addon a run does not begin.
  native();
  const { signal, onChange } = options;
  const unlocked = options.host ?? openHost();
  requireRecordable(unlocked, options.undo);
  const begun = await performTriggers(commands, options, new Applier(unlocked, undefined, signal, onChange));
  const isLocking = isOpen(begun, options) || (begun.error === undefined && Boolean(options.undo));
  if (!isLocking) return reportOf(begun, options);
  const lock = await acquireLock(unlocked, options.wait ?? defaultWait(commands), signal);
  const host = withLock(unlocked, lock.fd);
  try {
    const record = await recordFor(host, commands, options);
    const unmaking = new Unmaking(host, record, options.force ?? false);
    try {
      const heeding = withSignal(host, signal);
      const performer = new Applier(heeding, record, signal, onChange);
      const transaction: Transaction = {
        performer,
        restorer: options.undo ? performer : new Applier(heeding, undefined, signal, onChange),
        unmaking,
        mark: () => record.nextStep,
        rollBack: async (since) => {
          const rolledBack = await rollBack(host, record, since, onChange);
          const errors = await unmaking.claimAgain();
          return { ...rolledBack, errors: [...rolledBack.errors, ...errors] };
        },
        commit: async () => {
          await record.markCommitted();
          await unmaking.markUndone();
        },
      };
      const report = await performChain(begun, options, transaction);
      return record.holds && options.undo !== false ? { ...report, record: record.place.name } : report;
    } finally {
      settle(record, options.undo);
      unmaking.close();
      record.close();
    }
  } finally {
    lock.release();
  }
}

/** Restoring alone makes none: what it brings back is what is recorded already. */
function recordFor(host: Host, commands: readonly Command[], options: RunOptions): Promise<UndoRecord> {
  const undo = options.undo ?? (commands.every(isRestoring) ? false : undefined);
  return recordForRun(host, undo, options.commandLine ?? ownCommandLine());
}

/** A run's own record that holds nothing is of no use to anybody. */
function settle(record: UndoRecord, undo: string | false | undefined): void {
  if (undo === undefined && !record.holds) record.remove();
  else record.settleLink();
}

/** Seconds to wait for the lock. */
function defaultWait(commands: readonly Command[]): number {
  return commands.every(isRestoring) ? DEFAULT_WAIT.restore : DEFAULT_WAIT.run;
}

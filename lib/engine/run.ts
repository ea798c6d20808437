/** A run: takes the lock, opens the record, and has the chain of commands hold as a whole or not at all. */
import { actionOf } from '../actions/registry.js';
import { UsageError } from '../errors.js';
import { type Host, openHost, readOnce, withLock, withSignal } from '../host.js';
import { native } from '../native.js';
import { OverlayHost } from '../steps/overlay.js';
import type { Entry } from '../steps/step.js';
import { isOpen, performChain, performTriggers, reportOf, type Transaction } from './chain.js';
import { acquireLock } from './lock.js';
import { Applier, Rehearsal } from './perform.js';
import { UndoRecord } from './record/record.js';
import type { Command, RunOptions, RunReport } from './report.js';
import { rollBack } from './rollback.js';

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

async function rehearse(commands: readonly Command[], options: RunOptions): Promise<RunReport> {
  // Also for what could be planned without the addon: the run itself could not begin.
  native();
  const overlay = new OverlayHost(readOnce(withSignal(options.host ?? openHost(), options.signal)));
  const performer = new Rehearsal(overlay, recordedBefore(overlay, options.undo), options.onChange);
  return performChain(await performTriggers(commands, options, performer), options, {
    performer,
    mark: () => 0,
    rollBack: async () => ({ errors: [], notes: [] }),
    commit: async () => {},
  });
}

/** What the record would be appended to. Also where no command asks: a dry run refuses the records that the run would. */
function recordedBefore(host: Host, undo: string | undefined): readonly Entry[] {
  const record = undo === undefined ? undefined : UndoRecord.find(host, undo);
  if (record === undefined) return [];
  try {
    return record.condition === 'live' ? record.entries() : [];
  } finally {
    record.close();
  }
}

async function transact(commands: readonly Command[], options: RunOptions): Promise<RunReport> {
  // Before the first trigger: without the addon a run does not begin.
  native();
  const { signal, onChange } = options;
  const unlocked = options.host ?? openHost();
  const begun = await performTriggers(commands, options, new Applier(unlocked, undefined, signal, onChange));
  const isLocking = isOpen(begun, options) || (begun.error === undefined && options.undo !== undefined);
  if (!isLocking) return reportOf(begun, options);
  const lock = await acquireLock(unlocked, options.wait ?? defaultWait(commands), signal);
  const host = withLock(unlocked, lock.fd);
  try {
    const record = await UndoRecord.forRun(host, options.undo);
    try {
      const transaction: Transaction = {
        performer: new Applier(withSignal(host, signal), record, signal, onChange),
        mark: () => record.nextStep,
        rollBack: (since) => rollBack(host, record, since, onChange),
        commit: () => record.markCommitted(),
      };
      return await performChain(begun, options, transaction);
    } finally {
      record.close();
    }
  } finally {
    lock.release();
  }
}

/** Seconds to wait for the lock. */
function defaultWait(commands: readonly Command[]): number {
  const isRestore = commands.every(({ name }) => 'record' in actionOf(name));
  return isRestore ? DEFAULT_WAIT.restore : DEFAULT_WAIT.run;
}

/** A run: takes the lock, opens the record, and has the chain of commands hold as a whole or not at all. */
import { actionOf } from '../actions/registry.js';
import { UsageError } from '../errors.js';
import { type Host, openHost, readOnce, withLock } from '../host.js';
import { native } from '../native.js';
import { OverlayHost } from '../steps/overlay.js';
import type { Entry } from '../steps/step.js';
import { performChain, type Transaction } from './chain.js';
import { acquireLock } from './lock.js';
import { Applier, Rehearsal } from './perform.js';
import { UndoRecord } from './record/record.js';
import type { Command, RunOptions, RunReport } from './report.js';
import { rollBack } from './rollback.js';

/** Seconds. */
const DEFAULT_WAIT = 10;

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
  const overlay = new OverlayHost(readOnce(options.host ?? openHost()));
  return performChain(commands, options, {
    performer: new Rehearsal(overlay, recordedBefore(overlay, options.undo), options.onChange),
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
  const unlocked = options.host ?? openHost();
  const lock = await acquireLock(unlocked, options.wait ?? DEFAULT_WAIT, options.signal);
  const host = withLock(unlocked, lock.fd);
  try {
    const record = await UndoRecord.forRun(host, options.undo);
    try {
      const transaction: Transaction = {
        performer: new Applier(host, record, options.signal, options.onChange),
        mark: () => record.nextStep,
        rollBack: (since) => rollBack(host, record, since, options.onChange),
        commit: () => record.markCommitted(),
      };
      return await performChain(commands, options, transaction);
    } finally {
      record.close();
    }
  } finally {
    lock.release();
  }
}

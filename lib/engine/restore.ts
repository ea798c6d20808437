/** Brings the host back to what a record says it was. */
import { type ErrorCode, UsageError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import type { Performer } from './perform.js';
import type { UndoRecord } from './record/record.js';
import { findRecord, recordToRestore } from './record/records.js';
import type { CommandReport, RunOptions } from './report.js';
import { Marker } from './undo/marker.js';
import { undo } from './undo/undo.js';

/**
 * Restores as much as can be; what could not be brought back stays in the record for another try.
 * @param name of the record; by default that of the last run that still holds something
 * @throws VfioIsolateError `ERR_RECORD` before anything is touched; `ERR_INCOMPLETE`; `ABORT_ERR`, between two steps
 */
export async function restore(
  name: string | undefined,
  performer: Performer,
  report: CommandReport,
  options: RunOptions,
): Promise<void> {
  const record = recordToRestore(performer.host, name);
  if (record === undefined) {
    report.notes.push('nothing to restore: no record holds anything');
    return;
  }
  const path = record.place.name;
  try {
    requireOther(record, performer.host, options.undo);
    if (record.condition === 'empty') throw lost(path);
    if (name === undefined) report.notes.push(`the last run that still held something is that of ${path}`);
    report.notes.push(...remarks(path, record));
    if (record.condition === 'live') await restoreLive(path, record, performer, report, options);
    if (!options.dryRun) record.settleLink();
  } finally {
    record.close();
  }
}

/** The record of how to redo cannot be the one that is restored. @throws UsageError */
function requireOther({ place }: UndoRecord, host: Host, undo: string | false | undefined): void {
  const redo = undo ? findRecord(host, undo) : undefined;
  redo?.close();
  if (redo?.place.path !== place.path) return;
  throw new UsageError(`${place.name} cannot be restored and be written to at once`, {
    remedy: 'give -u another name to record how to redo',
  });
}

function lost(path: string): VfioIsolateError {
  return new VfioIsolateError('ERR_RECORD', `undo record ${path} is empty`, {
    remedy: 'no run has written to it, or somebody has emptied it since: then what it held is lost',
  });
}

function remarks(path: string, { condition, torn }: UndoRecord): string[] {
  const notes = torn ? [`the last line of ${path} was cut short while it was written, and so never acted upon`] : [];
  if (condition === 'spent') notes.push(`nothing to restore: all of ${path} has been undone already`);
  if (condition === 'stale')
    notes.push(`nothing to restore: ${path} is of an earlier boot, and its changes went with it`);
  return notes;
}

async function restoreLive(
  path: string,
  record: UndoRecord,
  performer: Performer,
  report: CommandReport,
  options: RunOptions,
): Promise<void> {
  const live = record.live();
  const marker = new Marker(options.dryRun ? undefined : record, live.marks, performer.host);
  const { force = false, signal } = options;
  try {
    const { errors, changed } = await undo(live, { performer, report, force, signal, marker });
    for (const failure of [...errors, ...changed.map(left)]) report.failures.push(failure);
  } finally {
    await marker.finish(report);
  }
  if (report.failures.length > 0) throw incomplete(path, report.failures);
}

function left(message: string): VfioIsolateError {
  return new VfioIsolateError('ERR_STATE', message, {
    remedy:
      'restore it all the same with --force; or, where a later run did that, its record first and then this again',
  });
}

function incomplete(path: string, failures: readonly VfioIsolateError[]): VfioIsolateError {
  const [first] = failures;
  const code: ErrorCode = 'ERR_INCOMPLETE';
  if (failures.length === 1 && first !== undefined) {
    return new VfioIsolateError(code, `not all of ${path} was restored: ${first.message}`, { remedy: first.remedy });
  }
  return new VfioIsolateError(code, `${failures.length} things of ${path} were not restored`, {
    remedy: 'they are still in the record: mend what is named, and restore again',
  });
}

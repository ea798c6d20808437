/** Brings the host back to what a record says it was. */
import { statSync } from 'node:fs';
import { type ErrorCode, UsageError, VfioIsolateError } from '../errors.js';
import type { Performer } from './perform.js';
import { UndoRecord } from './record/record.js';
import type { CommandReport, RunOptions } from './report.js';
import { Marker } from './undo/marker.js';
import { undo } from './undo/undo.js';

/**
 * Restores as much as can be; what could not be brought back stays in the record for another try.
 * @throws VfioIsolateError `ERR_RECORD` before anything is touched; `ERR_INCOMPLETE`; `ABORT_ERR`, between two steps
 */
export async function restore(
  path: string,
  performer: Performer,
  report: CommandReport,
  options: RunOptions,
): Promise<void> {
  if (options.undo !== undefined && isSameFile(options.undo, path)) {
    throw new UsageError(`${path} cannot be restored and be written to at once`, {
      remedy: 'give -u another file to record how to redo',
    });
  }
  const record = UndoRecord.toRestore(performer.host, path);
  try {
    if (record.condition === 'empty') throw lost(path);
    report.notes.push(...remarks(path, record));
    if (record.condition === 'live') await restoreLive(path, record, performer, report, options);
  } finally {
    record.close();
  }
}

function lost(path: string): VfioIsolateError {
  return new VfioIsolateError('ERR_RECORD', `undo record ${path} is empty`, {
    remedy: 'no run has written to it, or somebody has emptied it since: then what it held is lost',
  });
}

/** Whether two paths lead to one file, by whatever links. */
function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }));
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino;
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

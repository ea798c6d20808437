/** The exit status of a run. */
import { UsageError } from '../errors.js';
import type { RunReport } from '../index.js';
import { STOPPING, type Stopping } from './signals.js';

export const DONE = 0;
export const FAILED = 1;
export const USAGE = 2;
/** EX_TEMPFAIL of sysexits.h: the same command may succeed later. */
export const LOCKED = 75;

/** Of a run that never got under way, or was stopped. */
export function statusOfError(error: unknown, signal: Stopping | undefined): number {
  if (signal !== undefined) return 128 + STOPPING[signal];
  if (error instanceof UsageError) return USAGE;
  return (error as { code?: unknown } | undefined)?.code === 'ERR_LOCKED' ? LOCKED : FAILED;
}

/** A signal that did not stop the run does not count; a rollback that failed outweighs why it was needed. */
export function statusOfReport(report: RunReport, signal: Stopping | undefined): number {
  if (report.ok) return DONE;
  if (report.rollbackErrors.length > 0) return FAILED;
  return statusOfError(report.error, report.error?.code === 'ABORT_ERR' ? signal : undefined);
}

/** The two ways to tell how a run went: for people, and for programs. */
import type { Change, RunReport } from '../index.js';

export interface Output {
  /** A change, as soon as it holds, or is planned. */
  change(change: Change): void;
  /** A run that has ended. */
  report(report: RunReport, exitCode: number): void;
  /** A run that never got under way. */
  failure(error: unknown, exitCode: number): void;
}

/**
 * How a run went, for people: a dry run's plan is data, on stdout; everything else is a message, on stderr. A run that
 * did all that it should, and met no refusal, says nothing, but for a line on a terminal.
 */
import { inspect } from 'node:util';
import { VfioIsolateError } from '../errors.js';
import type { CommandReport } from '../index.js';
import type { Io } from './io.js';
import { manyLines, oneLine } from './line.js';
import type { Output } from './output.js';
import type { Settings } from './request.js';
import { aftermathOf, closingOf, summaryOf } from './summary.js';

const RED = '\u001b[31m';
const PLAIN = '\u001b[39m';

export function textOutput(io: Io, settings: Settings): Output {
  const verbose = settings.verbose === true;

  const say = (text: string): void => io.err(`vfio-isolate: ${oneLine(text)}\n`);

  const complain = (error: unknown, command?: string): void => {
    const head = command === undefined ? 'vfio-isolate:' : `vfio-isolate: ${command}:`;
    io.err(`${io.colour ? RED + head + PLAIN : head} ${oneLine(explained(error))}\n`);
    if (settings.debug) io.err(`${manyLines(inspect(error))}\n`);
  };

  const tellOf = (report: CommandReport): void => {
    for (const note of report.notes) say(`${report.command}: ${note}`);
    const succeeded = report.status === 'done' || report.status === 'planned';
    if (report.refused.length > 0 || (verbose && succeeded)) say(`${report.command}: ${summaryOf(report)}`);
    if (verbose) for (const { what, reason } of report.refused) io.err(`  ${oneLine(`${what}: ${reason}`)}\n`);
    // A single one is told in the error itself.
    if (report.failures.length > 1) for (const failure of report.failures) complain(failure, report.command);
    if (report.error) complain(report.error, report.command);
  };

  /** What a dry run would do: nothing waits for it, so it is written at once. */
  const plan: string[] = [];
  const tellPlan = (): void => {
    if (plan.length > 0) io.out(plan.join(''));
  };

  return {
    change({ text }) {
      if (settings.dryRun) plan.push(`${oneLine(text)}\n`);
      else if (verbose) io.err(`${oneLine(text)}\n`);
    },
    report(report) {
      tellPlan();
      for (const command of report.commands) tellOf(command);
      if (report.error && !report.commands.some(({ error }) => error === report.error)) complain(report.error);
      for (const error of report.rollbackErrors) complain(error, 'rollback');
      for (const line of aftermathOf(report, settings.undoFile)) say(line);
      const closing = io.isTerminal ? closingOf(report) : undefined;
      if (closing !== undefined) say(closing);
    },
    failure(error) {
      tellPlan();
      complain(error);
    },
  };
}

function explained(error: unknown): string {
  if (!(error instanceof VfioIsolateError)) return `internal error: ${error}; run it again with -d, and report it`;
  return error.remedy === undefined ? error.message : `${error.message}; ${error.remedy}`;
}

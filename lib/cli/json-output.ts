/** `--json`: one object on stdout, whatever happens. */
import type { CommandReport, RunReport, SystemError } from '../index.js';
import { packageVersion } from '../version.js';
import type { Io } from './io.js';
import type { Output } from './output.js';
import type { Settings } from './request.js';
import type { Fault, Result } from './result.js';

export function jsonOutput(io: Io, settings: Settings): Output {
  const dryRun = settings.dryRun === true;
  const print = (rest: Omit<Result, 'schemaVersion' | 'version'>): void => {
    const result: Result = { schemaVersion: 1, version: packageVersion(), ...rest };
    io.out(json(result));
  };
  return {
    change: () => {},
    report: (report, exitCode) => print(fromReport(report, exitCode)),
    failure: (error, exitCode) =>
      print({ ok: false, exitCode, dryRun, commands: [], error: toFault(error), rollbackErrors: [] }),
  };
}

function fromReport(report: RunReport, exitCode: number): Omit<Result, 'schemaVersion' | 'version'> {
  return {
    ok: report.ok,
    exitCode,
    dryRun: report.dryRun,
    commands: report.commands.map(fromCommand),
    ...(report.error && { error: toFault(report.error) }),
    rollbackErrors: report.rollbackErrors.map(toFault),
    ...(report.record !== undefined && { record: report.record }),
  };
}

function fromCommand(report: CommandReport): Result['commands'][number] {
  const { command, status, gone, notes, error } = report;
  return {
    command,
    status,
    changes: report.changes.map(({ command: _, ...change }) => change),
    refused: report.refused.map(({ what, reason }) => ({ what, reason })),
    gone,
    notes,
    failures: report.failures.map(toFault),
    ...(error && { error: toFault(error) }),
  };
}

/** Of anything thrown; an error without a code is a fault of this program. */
function toFault(thrown: unknown): Fault {
  const error = (thrown instanceof Error ? thrown : new Error(String(thrown))) as Partial<SystemError> & Error;
  const { message, remedy, errno, syscall, path, value } = error;
  return { code: error.code ?? 'ERR_INTERNAL', message, remedy, errno, syscall, path, value };
}

/** One object on a line. JSON.stringify lets the control characters DEL to U+009F through: a terminal acts upon some. */
export function json(value: unknown): string {
  const escaped = (character: string): string => `\\u00${character.charCodeAt(0).toString(16)}`;
  return `${JSON.stringify(value).replace(/[\u007f-\u009f]/g, escaped)}\n`;
}

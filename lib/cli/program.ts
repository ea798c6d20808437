/** From a command line to an exit status. */
import type { ActionSpec, Change, records, run } from '../index.js';
import { shellLine } from '../sets/shell.js';
import { packageVersion } from '../version.js';
import { demo } from './demo/demo.js';
import { DONE, statusOfError, statusOfReport, USAGE } from './exit.js';
import { commandHelp, programHelp } from './help.js';
import type { Io } from './io.js';
import { jsonOutput } from './json-output.js';
import type { Output } from './output.js';
import { listRecords } from './records.js';
import { parseRequest, type Request, type RunRequest, type Settings } from './request.js';
import { catchSignals, type Interruption, stoppingSignals } from './signals.js';
import { textOutput } from './text-output.js';
import { verbs } from './verbs.js';

/** What the command line needs of the package. */
export interface Api {
  readonly actions: readonly { readonly spec: ActionSpec }[];
  readonly run: typeof run;
  readonly records: typeof records;
}

/** Does what a command line asks for. @returns the exit status */
export async function program(argv: readonly string[], io: Io, api: Api): Promise<number> {
  const specs = [...api.actions.map(({ spec }) => spec), ...verbs];
  if (argv.length === 0) {
    io.err(programHelp(specs, io.width));
    return USAGE;
  }
  const request = understand(argv, specs, io);
  if (typeof request === 'number') return request;
  switch (request.kind) {
    case 'help':
      io.out(request.spec === undefined ? programHelp(specs, io.width) : commandHelp(request.spec, io.width));
      return DONE;
    case 'version':
      io.out(`${packageVersion()}\n`);
      return DONE;
    case 'demo':
      return interruptible(io, textOutput(io, request.settings), ({ signal }) => demo(io, signal));
    case 'records': {
      const { parameters, settings } = request;
      const list = () => listRecords(parameters, settings.json === true, io, api.records);
      return interruptible(io, outputFor(io, settings), list);
    }
    case 'run':
      return perform(request, io, api.run, shellLine(['vfio-isolate', ...argv]));
  }
}

/** The request, or the exit status where there is none to be understood. */
function understand(argv: readonly string[], specs: readonly ActionSpec[], io: Io): Request | number {
  try {
    return parseRequest(argv, specs);
  } catch (error) {
    const status = statusOfError(error, undefined);
    outputFor(io, apparentSettings(argv)).failure(error, status);
    return status;
  }
}

/** Of a command line that could not be parsed: a program that asked for JSON must get it even then. */
function apparentSettings(argv: readonly string[]): Settings {
  return {
    ...(argv.includes('--json') && { json: true }),
    ...(argv.some((word) => word === '--debug' || /^-[vn]*d/.test(word)) && { debug: true }),
  };
}

function outputFor(io: Io, settings: Settings): Output {
  return settings.json ? jsonOutput(io, settings) : textOutput(io, settings);
}

async function perform(
  { commands, settings }: RunRequest,
  io: Io,
  runCommands: typeof run,
  commandLine: string,
): Promise<number> {
  const output = outputFor(io, settings);
  return interruptible(io, output, async ({ signal, cause }) => {
    const onChange = (change: Change): void => output.change(change);
    const report = await runCommands(commands, { ...optionsFrom(settings), commandLine, signal, onChange });
    const status = statusOfReport(report, cause());
    output.report(report, status);
    return status;
  });
}

/** Does what a signal may stop, and tells of an error that comes of it. @returns the exit status */
async function interruptible(io: Io, output: Output, act: (by: Interruption) => Promise<number>): Promise<number> {
  const interruption = catchSignals();
  try {
    return await act(interruption);
  } catch (error) {
    const status = statusOfError(error, interruption.cause());
    output.failure(error, status);
    return status;
  } finally {
    // What was done stands. A signal may only end the wait for output to be read: killed, it would look like rolled back.
    io.exitOn(stoppingSignals, interruption.release);
  }
}

function optionsFrom({ undoFile, noUndo, dryRun, keepGoing, force, wait }: Settings) {
  return {
    ...(undoFile !== undefined && { undo: undoFile }),
    ...(noUndo && { undo: false as const }),
    ...(wait !== undefined && { wait }),
    dryRun: dryRun === true,
    keepGoing: keepGoing === true,
    force: force === true,
  };
}

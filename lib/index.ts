/** The public API: what the command line uses, a program can use. */
export { actions } from './actions/registry.js';
export type {
  Action,
  ActionSpec,
  ArgumentSpec,
  OptionSpec,
  Parameters,
  RestoreAction,
  ValueType,
} from './actions/spec.js';
export { parameterName } from './actions/spec.js';
export type { Change, Command, CommandReport, RunOptions, RunReport } from './engine/report.js';
export { run } from './engine/run.js';
export { SystemError, UsageError, VfioIsolateError } from './errors.js';
export { type Host, openHost } from './host.js';
export { getAffinity, setAffinity } from './kernel/affinity.js';
export type { Refused } from './steps/step.js';

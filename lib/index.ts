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
export { setAffinities, setAffinitiesSync } from './bulk/affinity.js';
export { moveTasks, moveTasksSync } from './bulk/move.js';
export type { BulkOptions, BulkResult, TaskRefusal } from './bulk/result.js';
export { selectTasks, selectTasksSync } from './bulk/select.js';
export type { TaskFilter, TaskSource } from './bulk/source.js';
export { type RecordInfo, type RecordsOptions, records } from './engine/record/listing.js';
export type { Change, Command, CommandReport, RunOptions, RunReport, StopSignal } from './engine/report.js';
export { restore, run } from './engine/run.js';
export type { ErrorCode, ErrorDetails, SystemErrorFields } from './errors.js';
export { SystemError, UsageError, VfioIsolateError } from './errors.js';
export { type Host, openHost, type Roots } from './host.js';
export { getAffinity, setAffinity } from './kernel/affinity.js';
export type { Refused } from './steps/step.js';

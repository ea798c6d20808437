/** Results in a line. */
import type { CommandReport, RunReport } from '../index.js';
import { shellLine } from '../sets/shell.js';

/** Of a command: `87 changed; 3 gone meanwhile; 94 refused: 90 (kernel thread bound to its CPUs), 4 (EPERM: ...)`. */
export function summaryOf({ status, changes, gone, refused }: CommandReport): string {
  const changed = changes.reduce((sum, change) => sum + change.changed, 0);
  const parts = [status === 'planned' ? `${changes.length} planned` : `${changed} changed`];
  if (gone > 0) parts.push(`${gone} gone meanwhile`);
  if (refused.length > 0) parts.push(`${refused.length} refused: ${byReason(refused).join(', ')}`);
  return parts.join('; ');
}

function byReason(refused: CommandReport['refused']): string[] {
  const counts = new Map<string, number>();
  for (const { reason } of refused) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const common = [...counts].sort(([, a], [, b]) => b - a);
  return common.map(([reason, count]) => `${count} (${reason})`);
}

/**
 * What a run that failed has left behind, a line each.
 * @param undo its undo file
 */
export function aftermathOf({ ok, dryRun, commands, rollbackErrors, record }: RunReport, undo?: string): string[] {
  if (ok || dryRun) return [];
  const undone = commands.filter(isRolledBack).map(({ command }) => command);
  const kept = commands.filter(({ status }) => status === 'done').map(({ command }) => command);
  const lines: string[] = [];
  if (rollbackErrors.length > 0) lines.push(`not all could be rolled back; ${wayOut(record ?? undo)}`);
  else if (undone.length > 0) lines.push(`rolled back: ${undone.join(', ')}`);
  if (kept.length > 0) lines.push(`kept: ${kept.join(', ')}`);
  const untouched = commands.every((one) => one.changes.length === 0 && !mayHaveChanged(one));
  return lines.length === 0 && untouched ? ['nothing was changed'] : lines;
}

/** A restore keeps what a step did before it failed, and of that nobody has told. */
function mayHaveChanged({ command, error }: CommandReport): boolean {
  return command === 'restore' && (error?.code === 'ERR_INCOMPLETE' || error?.code === 'ABORT_ERR');
}

function wayOut(undo: string | undefined): string {
  if (undo === undefined) return 'the rest must be put right by hand, for no undo record was kept (--no-undo)';
  return `the rest is in the undo file, so try: ${restoring(undo)}`;
}

const restoring = (record: string) => shellLine(['vfio-isolate', 'restore', record]);

/** For a terminal: what a run did, and how to undo it. Nothing for one that changed nothing. */
export function closingOf({ ok, dryRun, commands, record }: RunReport): string | undefined {
  const changes = commands.reduce((sum, { changes, status }) => sum + (status === 'done' ? changes.length : 0), 0);
  if (dryRun || changes === 0) return undefined;
  const done = `${changes} ${changes === 1 ? 'change' : 'changes'}`;
  if (record !== undefined) return `${ok ? 'done' : 'kept'}: ${done}; undo: ${restoring(record)}`;
  if (commands.every(({ command }) => command === 'restore')) return `restored: ${done}`;
  return `done: ${done}; nothing to undo is on record`;
}

/** A restore is not: what it has brought back stays so, and what is left is in its record. */
function isRolledBack({ command, status, changes }: CommandReport): boolean {
  return status === 'undone' || (status === 'failed' && changes.length > 0 && command !== 'restore');
}

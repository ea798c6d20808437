/** What a record's lines amount to: the things that are still changed, each with its first-seen and last value. */

import { kindOf } from '../../steps/registry.js';
import type { Detail, Entry, Step } from '../../steps/step.js';
import type { Line, StepLine } from './line.js';

export interface LiveEntry extends Entry {
  /** Numbers of the steps that it is made of. */
  readonly steps: readonly number[];
}

/** One that lines are added to, as often as they come: a record may have hundreds of thousands of one thing. */
interface GrowingEntry extends LiveEntry {
  step: Step;
  readonly parts: Entry['parts'][number][];
  readonly steps: number[];
}

/**
 * @param since steps of a lower number are passed over
 * @returns entries in the order in which their things were first touched; moves, as one entry, where the last was made
 */
export function fold(lines: readonly Line[], since = 1): LiveEntry[] {
  const details = detailsByStep(lines);
  const entries = new Map<string, GrowingEntry>();
  for (const line of liveSteps(lines)) {
    if (line.step < since) continue;
    const key = keyOf(line);
    const entry = entries.get(key) ?? { step: line.change, parts: [], steps: [] };
    if (kindOf(line.change).merges === 'kind') entries.delete(key);
    entries.set(key, entry);
    extend(entry, line, details.get(line.step) ?? []);
  }
  return [...entries.values()];
}

/** Whether an undo takes a step back; there is nothing to undo of one that only sets something off. */
export function lasting({ change }: StepLine): boolean {
  return kindOf(change).triggers?.(change) !== true;
}

/** The number of the last step, 0 where there is none. */
export function lastStep(lines: readonly Line[]): number {
  return lines.reduce((last, line) => (line.type === 'step' ? Math.max(last, line.step) : last), 0);
}

/** The steps that still hold. */
export function liveSteps(lines: readonly Line[]): StepLine[] {
  const undone = new Set(lines.flatMap((line) => (line.type === 'undone' ? line.steps : [])));
  return lines.filter((line): line is StepLine => line.type === 'step' && !undone.has(line.step));
}

function detailsByStep(lines: readonly Line[]): Map<number, Detail[]> {
  const details = new Map<number, Detail[]>();
  for (const line of lines) {
    if (line.type !== 'detail') continue;
    const list = details.get(line.step);
    if (list === undefined) details.set(line.step, [line]);
    else list.push(line);
  }
  return details;
}

function keyOf({ step, change }: StepLine): string {
  switch (kindOf(change).merges) {
    case 'target':
      return `${change.kind} ${change.target}`;
    case 'kind':
      return change.kind;
    case 'never':
      return `#${step}`;
  }
}

function extend(entry: GrowingEntry, line: StepLine, details: readonly Detail[]): void {
  const step: Step = line.change;
  entry.step = { ...entry.step, to: step.to };
  entry.parts.push({ step, details });
  entry.steps.push(line.step);
}

/** What a record's lines amount to: the things that are still changed, each with its first-seen and last value. */

import { isMarked, Marks } from '../../steps/marks.js';
import { kindOf } from '../../steps/registry.js';
import type { Detail, Entry, Step } from '../../steps/step.js';
import type { Line, StepLine } from './line.js';

export interface LiveEntry extends Entry {
  /** Numbers of the steps that it is made of. */
  readonly steps: readonly number[];
}

/** All that holds of a record. */
export interface Live {
  /** In the order in which their things were first touched; moves, as one entry, where the last was made. */
  readonly entries: readonly LiveEntry[];
  /** Steps that hold no longer, but for the masks that they have on record: an entry for each, in their order. */
  readonly owing: readonly LiveEntry[];
  /** Tasks that hold no longer what one of these gave them. */
  readonly marks: Marks;
}

/** One that lines are added to, as often as they come: a record may have hundreds of thousands of one thing. */
interface GrowingEntry extends LiveEntry {
  step: Step;
  readonly parts: Entry['parts'][number][];
  readonly steps: number[];
}

/** @param since steps of a lower number are passed over */
export function fold(lines: readonly Line[], since = 1): Live {
  const details = detailsByStep(lines);
  const marks = marksOf(lines);
  const owing = new Set(lines.flatMap((line) => (line.type === 'undone-but-masks' ? line.steps : [])));
  const entries = new Map<string, GrowingEntry>();
  const owed: GrowingEntry[] = [];
  for (const line of liveSteps(lines)) {
    if (line.step < since) continue;
    const key = keyOf(line);
    const isOwing = owing.has(line.step);
    const entry = (isOwing ? undefined : entries.get(key)) ?? { step: line.change, parts: [], steps: [] };
    extend(entry, line, details.get(line.step) ?? [], marks);
    if (isOwing) {
      owed.push(entry);
      continue;
    }
    if (kindOf(line.change).merges === 'kind') entries.delete(key);
    entries.set(key, entry);
  }
  return { entries: [...entries.values()], owing: owed, marks };
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

function marksOf(lines: readonly Line[]): Marks {
  const marks = new Marks();
  for (const line of lines) if (line.type === 'undone-tasks') marks.add(line, line.tasks);
  return marks;
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

function extend(entry: GrowingEntry, line: StepLine, details: readonly Detail[], marks: Marks): void {
  const step: Step = line.change;
  const { kind } = step;
  entry.step = { ...entry.step, to: step.to };
  const marking = isMarked(kind) && ((task: Parameters<Marks['find']>[2]) => marks.find(kind, line.step, task));
  entry.parts.push({ step, details, ...(marking && { marking }) });
  entry.steps.push(line.step);
}

/** What a record's lines amount to: the things that are still changed, each with its first-seen and last value. */

import { kindOf } from '../../steps/registry.js';
import type { Detail, Entry, Step } from '../../steps/step.js';
import type { Line, StepLine } from './line.js';

export interface LiveEntry extends Entry {
  /** Numbers of the steps that it is made of. */
  readonly steps: readonly number[];
  readonly command: string;
}

/**
 * @param since steps of a lower number are passed over
 * @returns entries in the order in which their things were first touched
 */
export function fold(lines: readonly Line[], since = 1): LiveEntry[] {
  const details = detailsByStep(lines);
  const entries = new Map<string, LiveEntry>();
  for (const line of liveSteps(lines)) {
    if (line.step < since) continue;
    const key = keyOf(line);
    const found = details.get(line.step) ?? [];
    const before = entries.get(key);
    entries.set(key, before === undefined ? begun(line, found) : merged(before, line, found));
  }
  return [...entries.values()];
}

/** The number of the last step, 0 where there is none. */
export function lastStep(lines: readonly Line[]): number {
  return lines.reduce((last, line) => (line.type === 'step' ? Math.max(last, line.step) : last), 0);
}

function liveSteps(lines: readonly Line[]): StepLine[] {
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
  return kindOf(change).merges ? `${change.kind} ${change.target}` : `${change.kind} #${step}`;
}

function begun(line: StepLine, details: readonly Detail[]): LiveEntry {
  const step: Step = line.change;
  return { step, seen: [step.from, step.to], details, steps: [line.step], command: line.command };
}

function merged(before: LiveEntry, line: StepLine, details: readonly Detail[]): LiveEntry {
  return {
    step: { ...before.step, to: line.change.to },
    seen: [...before.seen, line.change.from, line.change.to],
    details: [...before.details, ...details],
    steps: [...before.steps, line.step],
    command: before.command,
  };
}

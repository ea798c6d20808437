/** A step that writes a kernel file. */
import { dirname } from 'node:path';
import * as v from 'valibot';
import { isSystemError, type SystemError, VfioIsolateError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';
import { listAt } from '../kernel/cpuset-v2.js';
import { writeFile } from '../kernel/door.js';
import { kernelFile } from '../kernel/files.js';
import type { KernelFile } from '../kernel/kernel-file.js';
import { keepingMasks, masksDetail } from './masks.js';
import { memoryStays } from './memory-stays.js';
import { previewList } from './preview-list.js';
import type { Entry, Outcome, Refused, Step, StepKind, Undo } from './step.js';

/** Texts as the kernel prints them, without surrounding white space. `from` is null for a file that triggers. */
export interface FileStep extends Step<'file', string | null> {
  readonly to: string;
}

const shape = v.object({ kind: v.literal('file'), target: v.string(), from: v.nullable(v.string()), to: v.string() });

/** The step from what a file holds to a value, or none where it holds that already. @throws SystemError */
export function fileStep(host: Host, path: string, to: string): FileStep[] {
  const file = kernelFile(host, path);
  if (file.trigger) return [{ kind: 'file', target: path, from: null, to }];
  const from = host.read(path).trim();
  return file.same(from, to, path) ? [] : [{ kind: 'file', target: path, from, to }];
}

export const fileKind: StepKind<FileStep> = {
  kind: 'file',
  merges: 'target',

  validate(step, host) {
    const checked = v.parse(shape, step);
    const file = kernelFile(host, checked.target);
    // Throws for a text that no such file can hold.
    for (const text of [checked.from, checked.to])
      if (text !== null) file.same(text, text, `the value of ${checked.target}`);
    return checked;
  },

  validateDetail: (detail) => v.parse(masksDetail, detail),

  async apply(step, context) {
    const act = async () => applyFile(step, context.host);
    return kernelFile(context.host, step.target).overwritesMasks ? keepingMasks(context, act) : act();
  },

  undo(entry, host, { force, again, settle }): Undo {
    const { target, from: first, to: last } = entry.step;
    if (first === null) return { steps: [] };
    const file = kernelFile(host, target);
    const from = file.attainable?.(host, target, first) ?? first;
    const notes = file.same(from, first, target) ? [] : [`${target} has ${from}: of ${first} no more is online`];
    const present = presentText(host, file, target);
    if (present === undefined) {
      // Without the controller a cgroup has no list, which is what an empty one amounts to.
      if (from === '') return { steps: [] };
      const gone = [`${target} is gone`];
      return file.drifts || force ? { steps: [], notes: gone } : { steps: [], changed: gone };
    }
    if (file.same(present, from, target)) return { steps: [], notes };
    const shrunk = file.mayHaveShrunk?.(host, target, present, last) ?? false;
    if (shrunk) notes.push(`${target} had ${present || 'nothing'} left of ${last}, as after CPUs went offline`);
    const held = file.heldBelow?.(host, target);
    const isPresent = (value: string) => file.same(present, value, target);
    const seen = entry.parts.flatMap(({ step }) => (step.from === null ? step.to : [step.from, step.to]));
    const isSeen = seen.some(isPresent);
    const half = !isSeen && held !== undefined && seen.some((value) => isPresent(held.between(value, from)));
    if (half && !again) notes.push(`${target} had ${present}, as a restore leaves it that was stopped half way`);
    const ours = file.drifts || isNearest(host, file, target, present, from) || shrunk || half || isSeen;
    if (!ours && !force) return { steps: [], changed: [`${target} is ${present}, set by somebody else; was ${first}`] };
    const barrierTo = file.barriers?.(host, target) ?? (() => undefined);
    const barrier = barrierTo(from);
    const stepTo = (to: string): FileStep[] => (isPresent(to) ? [] : [{ kind: 'file', target, from: present, to }]);
    if (barrier === undefined && !held?.keepsFrom(from)) return { steps: stepTo(from), notes };
    const isFree = (value: string) => barrierTo(value) === undefined && !held?.keepsFrom(value);
    const back = () => (settle ? wayBack(entry, isPresent).find(isFree) : undefined) ?? present;
    const to = barrier === undefined ? (held?.between(present, from) ?? from) : back();
    const why =
      barrier === undefined
        ? `a cpuset below it has what it would lose by ${from}`
        : `it may not have ${from} beside ${barrier}, one of them being exclusive`;
    return { steps: stepTo(to), notes, waiting: { for: 'file', because: `${target} keeps ${to}: ${why}` } };
  },

  depth: ({ target }, host) => (listAt(host, target) === undefined ? undefined : target.split('/').length),

  remains({ step: { target, from, to } }, host) {
    if (/(^|[/.])mems$/.test(target) && from !== to) return [memoryStays(dirname(target), to)];
    const present = from === '' ? readIfThere(host, target) : '';
    if (present === undefined || present === '') return [];
    return [
      `${target} keeps ${present}, which is what it had by being empty: the kernel empties none that holds tasks`,
    ];
  },

  within: ({ target }) => dirname(target),

  describe({ target, from, to }) {
    return from === null ? `${target}: ${shown(to)}` : `${target}: ${shown(from)} -> ${shown(to)}`;
  },

  preview({ target, from, to }, overlay) {
    if (from === null) return;
    const at = listAt(overlay, target);
    if (at === undefined) overlay.write(target, to);
    else previewList(overlay, at.directory, at.list, to);
  },
};

/** Writes the file and reads it back. @throws SystemError, VfioIsolateError `ERR_NOT_HELD` */
export function applyFile({ target, to }: FileStep, host: Host): Outcome {
  const file = kernelFile(host, target);
  const nearest = nearestTo(to, file, target, host);
  if (nearest !== undefined) return empty(host, file, target, nearest);
  const refused = write(host, file, target, to);
  if (refused !== undefined) return { changed: 0, refused: [{ what: target, ...refused }] };
  if (file.trigger) return { changed: 1 };
  try {
    requireHeld(host, file, target, to);
    return { changed: 1 };
  } catch (error) {
    const lost = expected(file, error);
    if (lost === undefined) throw error;
    return { changed: 0, refused: [{ what: target, ...lost }] };
  }
}

/** Tasks have their full masks first; whether the file then takes emptiness, or keeps what is equal to it, is the same to them. */
function empty(host: Host, file: KernelFile, target: string, nearest: string): Outcome {
  write(host, file, target, nearest);
  requireHeld(host, file, target, nearest);
  try {
    writeFile(host, target, '\n');
  } catch (error) {
    if (!isSystemError(error, 'ENOSPC')) throw error;
  }
  return { changed: 1 };
}

/** What a restore that was stopped between widening and emptying has left. */
function isNearest(host: Host, file: KernelFile, target: string, present: string, wanted: string): boolean {
  const nearest = nearestTo(wanted, file, target, host);
  return nearest !== undefined && file.same(present, nearest, target);
}

/**
 * The values by which a file came to have its present one, the last of them first: where several were led past each other,
 * each of them has to go back on its way for the others. Never onwards again, so this ends.
 */
function wayBack({ parts }: Entry<FileStep>, isPresent: (value: string) => boolean): string[] {
  const came = parts.findIndex(({ step }) => isPresent(step.to));
  return parts
    .slice(0, came + 1)
    .flatMap(({ step }) => step.from ?? [])
    .reverse();
}

/** What is equal to emptiness, in a file that the kernel may refuse to empty. */
function nearestTo(wanted: string, file: KernelFile, target: string, host: Host): string | undefined {
  return wanted === '' ? file.inherited?.(host, target) : undefined;
}

function shown(text: string): string {
  return text === '' ? '(empty)' : text;
}

/** @throws SystemError, explained */
function presentText(host: Host, file: KernelFile, target: string): string | undefined {
  try {
    return readIfThere(host, target);
  } catch (error) {
    throw isSystemError(error) ? explained(error, file, host) : error;
  }
}

/** Writes, and returns a refusal that was to be expected. */
function write(host: Host, file: KernelFile, target: string, to: string): Omit<Refused, 'what'> | undefined {
  try {
    // An empty write(2) is dropped on the way to the kernel; a lone newline clears a list.
    writeFile(host, target, to === '' ? '\n' : to);
    return undefined;
  } catch (error) {
    const refused = expected(file, error);
    if (refused !== undefined) return refused;
    throw isSystemError(error) ? explained(error, file, host) : error;
  }
}

function expected(file: KernelFile, error: unknown): Omit<Refused, 'what'> | undefined {
  if (!isSystemError(error)) return undefined;
  const reason = file.refusals?.[error.code];
  return reason === undefined ? undefined : { reason: `${error.code}: ${reason}`, code: error.code };
}

function explained(error: SystemError, file: KernelFile, host: Host): SystemError {
  return error.explained(file.explain?.(error, host) ?? {});
}

function requireHeld(host: Host, file: KernelFile, target: string, to: string): void {
  const held = host.read(target).trim();
  if (!file.same(held, to, target)) {
    throw new VfioIsolateError('ERR_NOT_HELD', `${target} took ${shown(to)} but holds ${shown(held)}`, {
      remedy: 'another program may be writing it: see who manages this host (irqbalance, TuneD, systemd)',
    });
  }
  file.requireEffective?.(host, target);
}

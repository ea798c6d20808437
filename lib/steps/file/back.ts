/** How a kernel file goes back to what it held first, and whether it is ours to bring back. */
import { isSystemError } from '../../errors.js';
import { type Host, readIfThere } from '../../host.js';
import { kernelFile } from '../../kernel/files.js';
import type { HeldBelow, KernelFile } from '../../kernel/kernel-file.js';
import type { Entry, Undo, UndoOptions } from '../step.js';
import { explained, nearestTo } from './apply.js';
import type { FileStep } from './shape.js';

/** A file that holds another text than it should. */
interface Scene {
  readonly entry: Entry<FileStep>;
  readonly host: Host;
  readonly file: KernelFile;
  readonly target: string;
  readonly present: string;
  readonly wanted: string;
  readonly held: HeldBelow | undefined;
  readonly isPresent: (text: string) => boolean;
}

/** @throws SystemError, explained */
export function planBack(entry: Entry<FileStep>, host: Host, options: UndoOptions): Undo {
  const undo = planFile(entry, host, options);
  return undo.changed === undefined ? { ...undo, after: heirsBack(entry, host) } : undo;
}

/** To what those that began with a value of ours would have begun with. */
function heirsBack({ step: { target, from: first }, parts }: Entry<FileStep>, host: Host): FileStep[] {
  const { heirs } = kernelFile(host, target);
  if (heirs === undefined || first === null) return [];
  // Of one value, who is known from its last time. Without a list, as in a record of an earlier version, who began with it cannot be told.
  const known = new Map(parts.map(({ step }) => [step.to, step.known]));
  const found = [...known].flatMap(([given, known]) =>
    known === undefined ? [] : heirs(host, { given, first, known }),
  );
  return found.map((heir) => ({ kind: 'file', ...heir }));
}

function planFile(entry: Entry<FileStep>, host: Host, { force, again, settle }: UndoOptions): Undo {
  const { target, from: first } = entry.step;
  if (first === null) return { steps: [] };
  const file = kernelFile(host, target);
  const wanted = file.attainable?.(host, target, first) ?? first;
  const notes = file.same(wanted, first, target) ? [] : [`${target} has ${wanted}: of ${first} no more is online`];
  const present = presentText(host, file, target);
  if (present === undefined) return missing(file, target, wanted, force);
  const isPresent = (text: string) => file.same(present, text, target);
  if (isPresent(wanted)) return { steps: [], notes };
  const held = file.heldBelow?.(host, target);
  const scene: Scene = { entry, host, file, target, present, wanted, held, isPresent };
  const ours = originOf(scene);
  if (ours?.note !== undefined && !(again && ours.isHalf)) notes.push(ours.note);
  if (ours === undefined && !force) {
    return { steps: [], changed: [`${target} is ${present}, set by somebody else; was ${first}`] };
  }
  const { to, because } = wayOf(scene, settle);
  const steps: FileStep[] = isPresent(to) ? [] : [{ kind: 'file', target, from: present, to }];
  if (because === undefined) return { steps, notes };
  return { steps, notes, waiting: { for: 'file', because: `${target} keeps ${to}: ${because}` } };
}

/** Without the controller a cgroup has no list, which is what an empty one amounts to. */
function missing(file: KernelFile, target: string, wanted: string, force: boolean): Undo {
  if (wanted === '') return { steps: [] };
  const gone = [`${target} is gone`];
  return file.drifts || force ? { steps: [], notes: gone } : { steps: [], changed: gone };
}

/** @returns how what it holds came of what we did, and what of that is to be told; undefined where somebody else has set it */
function originOf(scene: Scene): { note?: string; isHalf?: boolean } | undefined {
  const { entry, host, file, target, present, wanted, held, isPresent } = scene;
  const last = entry.step.to;
  if (file.mayHaveShrunk?.(host, target, present, last)) {
    return { note: `${target} had ${present || 'nothing'} left of ${last}, as after CPUs went offline` };
  }
  const seen = entry.parts.flatMap(({ step }) => (step.from === null ? step.to : [step.from, step.to]));
  const nearest = nearestTo(wanted, file, target, host);
  // The nearest is what a restore that was stopped between widening and emptying has left.
  if (file.drifts || seen.some(isPresent) || (nearest !== undefined && isPresent(nearest))) return {};
  if (held === undefined || !seen.some((text) => isPresent(held.between(text, wanted)))) return undefined;
  return { note: `${target} had ${present}, as a restore leaves it that was stopped half way`, isHalf: true };
}

/** Where it can go now, and why that is not all of the way. */
function wayOf({ entry, host, file, target, present, wanted, held, isPresent }: Scene, settle: boolean) {
  const barrierTo = file.barriers?.(host, target) ?? (() => undefined);
  const barrier = barrierTo(wanted);
  if (barrier !== undefined) {
    const isFree = (text: string) => barrierTo(text) === undefined && !held?.keepsFrom(text);
    const to = settle ? wayBack(entry, isPresent).find(isFree) : undefined;
    return { to: to ?? present, because: `it may not have ${wanted} beside ${barrier}, one of them being exclusive` };
  }
  if (!held?.keepsFrom(wanted)) return { to: wanted };
  const because = `a cpuset below it has what it would lose by ${wanted}`;
  return { to: held.between(present, wanted), because };
}

/**
 * The values by which a file came to have its present one, the last of them first: where several were led past each other,
 * each of them has to go back on its way for the others. Never onwards again, so this ends.
 */
function wayBack({ parts }: Entry<FileStep>, isPresent: (text: string) => boolean): string[] {
  const came = parts.findIndex(({ step }) => isPresent(step.to));
  return parts
    .slice(0, came + 1)
    .flatMap(({ step }) => step.from ?? [])
    .reverse();
}

function presentText(host: Host, file: KernelFile, target: string): string | undefined {
  try {
    return readIfThere(host, target);
  } catch (error) {
    throw isSystemError(error) ? explained(error, file, host) : error;
  }
}

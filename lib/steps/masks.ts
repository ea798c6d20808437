/**
 * Tasks' own affinity masks across a change of their cpuset. From 6.2 on the kernel remembers them and intersects; before,
 * a changed list, a move, and even enabling the controller overwrite them. There they are written ahead, given back as far
 * as the new cpuset allows right after the change, and in full once all is undone.
 */
import * as v from 'valibot';
import type { Host } from '../host.js';
import { masksNow, ownMasks, remembersMasks, setMasks, type TaskMask, unchosen } from '../kernel/affinity.js';
import { affinityStep, taskMasks } from './affinity.js';
import { type ApplyContext, detailsOf, type Entry, type Outcome, type Step } from './step.js';

/** Details of any step that may overwrite masks: what tasks had of their own before it, and what it left them with. */
export const masksDetail = v.union([v.object({ masks: taskMasks }), v.object({ left: taskMasks })]);

/** Whether a detail is one of these. */
export const isMasksDetail = (detail: object): boolean => 'masks' in detail || 'left' in detail;

/** Whether an entry has masks on record. */
export const hasMasks = (entry: Entry): boolean => detailsOf(entry).some(isMasksDetail);

export async function keepingMasks(context: ApplyContext, act: () => Promise<Outcome>): Promise<Outcome> {
  const { host, ledger, control } = context;
  if (remembersMasks(host)) return act();
  const masks = await ownMasks(host);
  if (masks.length > 0) await ledger?.append({ masks });
  const outcome = await act();
  // Refused where the new cpuset has none of a mask's CPUs: then the kernel's choice stands until the undo.
  await setMasks(host, masks, control);
  if (masks.length > 0) await ledger?.append({ left: masksNow(host, masks) });
  return outcome;
}

/**
 * The step that gives masks back once these entries are undone, or none. Of several that a task had, the one of the
 * earliest step counts; one that somebody else has set since is left.
 */
export function masksBack(host: Host, entries: readonly Entry[]): Step[] {
  const first = new Map<number, TaskMask>();
  const left = new Map<number, string>();
  for (const entry of entries) {
    for (const detail of detailsOf(entry)) {
      if (!isMasksDetail(detail)) continue;
      const found = v.parse(masksDetail, detail);
      if ('left' in found) for (const [tid, , cpus] of found.left) left.set(tid, cpus);
      else for (const mask of found.masks) if (!first.has(mask[0])) first.set(mask[0], mask);
    }
  }
  const masks = unchosen(host, [...first.values()], left);
  return masks.length === 0 ? [] : [affinityStep(masks)];
}

/**
 * Tasks' own affinity masks across a change of their cpuset. From 6.2 on the kernel remembers them and intersects; before,
 * a changed list, a move, and even enabling the controller overwrite them. There they are written ahead, given back as far
 * as the new cpuset allows right after the change, and in full once it is undone.
 */
import * as v from 'valibot';
import { ownMasks, remembersMasks, setMasks, type TaskMask } from '../kernel/affinity.js';
import { affinityStep, taskMasks } from './affinity.js';
import type { ApplyContext, Detail, Outcome, Step } from './step.js';

/** A detail of any step that may overwrite masks. */
export const masksDetail = v.object({ masks: taskMasks });

export async function keepingMasks(context: ApplyContext, act: () => Promise<Outcome>): Promise<Outcome> {
  const { host, ledger, control } = context;
  if (remembersMasks(host)) return act();
  const masks = await ownMasks(host);
  if (masks.length > 0) await ledger?.append({ masks });
  const outcome = await act();
  // Refused where the new cpuset has none of a mask's CPUs: then the kernel's choice stands until the undo.
  await setMasks(host, masks, control);
  return outcome;
}

/** The step that gives masks back once the change is undone. Of several that a task had, the first seen counts. */
export function masksBack(details: readonly Detail[]): Step[] {
  const first = new Map<string, TaskMask>();
  for (const detail of details) {
    const found = v.safeParse(masksDetail, detail);
    for (const mask of found.success ? found.output.masks : []) {
      const [tid, start] = mask;
      if (!first.has(`${tid} ${start}`)) first.set(`${tid} ${start}`, mask);
    }
  }
  return first.size === 0 ? [] : [affinityStep([...first.values()])];
}

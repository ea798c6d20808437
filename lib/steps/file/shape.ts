/** A step that writes a kernel file, as the record has it. */
import * as v from 'valibot';
import type { Step } from '../step.js';

/** Texts as the kernel prints them, without surrounding white space. `from` is null for a file that triggers. */
export interface FileStep extends Step<'file', string | null> {
  readonly to: string;
  /** Of a default that others begin with: the numbers of those that have such a value without having begun with this. */
  readonly known?: readonly number[] | undefined;
}

export const shape = v.object({
  kind: v.literal('file'),
  target: v.string(),
  from: v.nullable(v.string()),
  to: v.string(),
  known: v.optional(v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0)))),
});

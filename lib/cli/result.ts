/**
 * The object that `--json` prints. This schema is the one definition: the types are inferred from it, and the shipped
 * `result.schema.json` is generated from it (`vitest -u test/cli/result.test.ts`). What does not apply is absent. Members
 * may be added without a new schemaVersion.
 */
import * as v from 'valibot';

const described = <T extends v.GenericSchema>(schema: T, text: string) => v.pipe(schema, v.description(text));

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const fault = v.object({
  code: described(
    v.string(),
    "The kernel's name of a refused system call's errno, or one of this package's ERR_ codes.",
  ),
  message: described(v.string(), 'One line: what failed, on what, and why.'),
  remedy: v.optional(described(v.string(), 'What to do about it.')),
  errno: v.optional(described(v.number(), 'Negative.')),
  syscall: v.optional(v.string()),
  path: v.optional(v.string()),
  value: v.optional(described(v.string(), 'What was being written.')),
});

const change = v.object({
  kind: v.string(),
  target: described(v.string(), 'The thing changed.'),
  from: described(v.unknown(), 'What was there before.'),
  to: v.unknown(),
  text: described(v.string(), 'One line for people: what, old -> new.'),
  changed: described(count, 'Things changed: 1 for most kinds, tasks for a move; 0 in a dry run.'),
});

const command = v.object({
  command: v.string(),
  status: described(
    v.picklist(['planned', 'done', 'failed', 'undone', 'skipped']),
    'planned: in a dry run; undone: it was rolled back; skipped: an earlier command failed.',
  ),
  changes: v.array(change),
  refused: described(
    v.array(v.object({ what: v.string(), reason: v.string() })),
    'What the kernel was expected to refuse.',
  ),
  gone: described(count, 'Tasks that exited meanwhile.'),
  notes: v.array(v.string()),
  failures: described(v.array(fault), 'Of a restore: each thing that was left as it was found, and why.'),
  error: v.optional(fault),
});

export const resultSchema = v.object({
  schemaVersion: v.literal(1),
  version: described(v.string(), 'Of vfio-isolate.'),
  ok: described(v.boolean(), 'Whether everything asked for holds.'),
  exitCode: described(count, '0 done, 1 failed, 2 usage, 75 lock not had in time, 128+n stopped by signal n.'),
  dryRun: v.boolean(),
  commands: v.array(command),
  error: v.optional(described(fault, 'The first error.')),
  rollbackErrors: described(
    v.array(fault),
    'What could not be rolled back; it is still in the undo record, if there is one.',
  ),
  record: v.optional(
    described(
      v.string(),
      'The name of the undo record that undoes what holds, as restore takes it; absent if none does.',
    ),
  ),
});

export type Result = v.InferOutput<typeof resultSchema>;
export type Fault = v.InferOutput<typeof fault>;

/**
 * The undo record's lines. Each is one JSON object whose first member is a checksum of the rest of its line, so that a
 * line cut short by a crash, or changed, is known as such:
 *
 *     {"crc":"89abcdef","type":"step","step":1,...}
 *
 * The checksum is zlib's CRC-32 of what stands between `"crc":"........",` and the newline.
 */
import * as v from 'valibot';
import { VfioIsolateError } from '../../errors.js';
import { MARKED } from '../../steps/marks.js';
import { taskIds, ticks } from '../../steps/task-ids.js';

export const FORMAT = 'vfio-isolate undo record';
export const VERSION = 1;

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** Opens every record. One of another boot has no meaning. */
const header = v.object({
  type: v.literal('header'),
  format: v.literal(FORMAT),
  version: count,
  boot: v.string(),
  /** Version of the tool that wrote it. */
  tool: v.string(),
  /** ISO 8601. */
  time: v.string(),
  /** Its name, links resolved, and as it was given; a numbered record has none. */
  name: v.optional(v.string()),
  spelled: v.optional(v.string()),
});

/** A run that changes something: its steps follow. */
const run = v.object({
  type: v.literal('run'),
  time: v.string(),
  /** Its command line, for people. */
  command: v.string(),
});

/** Written, with all of its batch, before any step of the batch is applied. */
const step = v.object({
  type: v.literal('step'),
  /** Counts the steps of a record from 1. */
  step: count,
  /** The command that it belongs to, for people. */
  command: v.string(),
  change: v.looseObject({ kind: v.string(), target: v.string(), from: v.unknown(), to: v.unknown() }),
});

/** What a step found only as it went; its members are its kind's. */
const detail = v.looseObject({ type: v.literal('detail'), step: count });

/** These steps hold no longer: rolled back or restored. */
const undone = v.object({ type: v.literal('undone'), steps: v.array(count), time: v.string() });

/** These steps hold no longer, but the masks that they have on record are still to be given back. */
const undoneButMasks = v.object({ type: v.literal('undone-but-masks'), steps: v.array(count), time: v.string() });

/**
 * These tasks hold no longer what steps of one kind gave them, or the masks that steps have on record: those steps from
 * `first` to `last`. `at` is in clock ticks since boot.
 */
const undoneTasks = v.object({
  type: v.literal('undone-tasks'),
  of: v.picklist(MARKED),
  first: count,
  last: count,
  at: ticks,
  tasks: taskIds,
});

/** A run's end: all that stands above holds. What follows the last one belongs to a run that was cut short. */
const committed = v.object({ type: v.literal('committed'), time: v.string() });

const line = v.variant('type', [header, run, step, detail, undone, undoneButMasks, undoneTasks, committed]);

export type Header = v.InferOutput<typeof header>;
export type RunLine = v.InferOutput<typeof run>;
export type StepLine = v.InferOutput<typeof step>;
export type UndoneTasks = v.InferOutput<typeof undoneTasks>;
export type Line = v.InferOutput<typeof line>;

/** Loaded where there is a record: zlib brings streams along. */
const crc32 = (text: string): number => process.getBuiltinModule('node:zlib').crc32(text);

const CRC_MEMBER = /^\{"crc":"([0-9a-f]{8})",/;
const CRC_LENGTH = '{"crc":"00000000",'.length;

/** A line with its checksum and newline. */
export function encodeLine(entry: Line): string {
  const rest = JSON.stringify(entry).slice(1);
  return `{"crc":"${crc32(rest).toString(16).padStart(8, '0')}",${rest}\n`;
}

/** @throws VfioIsolateError `ERR_RECORD`, without saying which line: the caller knows */
export function decodeLine(text: string): Line {
  const found = CRC_MEMBER.exec(text)?.[1];
  if (found === undefined) throw damaged('it does not begin with a checksum');
  if (crc32(text.slice(CRC_LENGTH)) !== Number.parseInt(found, 16)) throw damaged('its checksum does not fit');
  const parsed = v.safeParse(line, JSON.parse(text));
  if (!parsed.success) throw damaged(parsed.issues[0].message);
  return parsed.output;
}

export function isLine(text: string): boolean {
  try {
    decodeLine(text);
    return true;
  } catch {
    return false;
  }
}

function damaged(why: string): VfioIsolateError {
  return new VfioIsolateError('ERR_RECORD', why);
}

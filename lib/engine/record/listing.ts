/** What there is in the store, for people and programs to look at. */
import { asOurs } from '../../errors.js';
import { type Host, openHost } from '../../host.js';
import { kindOf } from '../../steps/registry.js';
import type { UndoRecord } from './record.js';
import { openStored, recordToRestore } from './records.js';
import { listStore, storeOf } from './store.js';

export interface RecordsOptions {
  /** The running host unless given. */
  readonly host?: Host;
  /** The record of this name alone, as `restore` would take it. */
  readonly name?: string;
}

/** An undo record. */
export interface RecordInfo {
  /** What `restore` takes: the name that `-u` gave it, in full, or the path of one that has none. */
  readonly name: string;
  /** Where it lies. */
  readonly path: string;
  /**
   * `holds` something that can be restored; `restored`: nothing of it holds any more; `earlier boot`: its changes went with
   * that; `unreadable`: damaged, or no record at all.
   */
  readonly state: 'holds' | 'restored' | 'earlier boot' | 'unreadable';
  /** When it was begun, ISO 8601; absent if it is unreadable. */
  readonly since?: string;
  /** The runs that changed something, in order, with the command line of each. */
  readonly runs: readonly { readonly time: string; readonly command: string }[];
  /** What it would restore: each thing that was changed, from its first-seen value to the last one. */
  readonly holds: readonly { readonly target: string; readonly text: string }[];
  /** Why it is unreadable. */
  readonly problem?: string;
}

/**
 * Lists the undo records of a host, that of the last run first. Nothing is changed, and the lock is not waited for.
 * @throws SystemError without root; VfioIsolateError `ERR_STATE` if the store is not root's alone; `ERR_RECORD` for a name
 *   that has no record
 */
export async function records({ host = openHost(), name }: RecordsOptions = {}): Promise<RecordInfo[]> {
  if (name !== undefined) {
    const record = recordToRestore(host, name);
    return record === undefined ? [] : [infoOf(record)];
  }
  return listStore(host)
    .flatMap((file) => look(host, file) ?? [])
    .sort((a, b) => (lastOf(a) < lastOf(b) ? 1 : -1));
}

const lastOf = ({ runs, since = '' }: RecordInfo) => runs.at(-1)?.time ?? since;

/** Undefined for what was removed meanwhile. */
function look(host: Host, file: string): RecordInfo | undefined {
  try {
    const record = openStored(host, file);
    return record && infoOf(record);
  } catch (error) {
    const path = `${storeOf(host)}/${file}`;
    return { name: path, path, state: 'unreadable', runs: [], holds: [], problem: asOurs(error).message };
  }
}

const STATES = { live: 'holds', spent: 'restored', stale: 'earlier boot', empty: 'unreadable' } as const;

function infoOf(record: UndoRecord): RecordInfo {
  try {
    const { header, place, condition } = record;
    const entries = condition === 'live' ? record.entries() : [];
    return {
      name: header?.spelled ?? place.path,
      path: place.path,
      state: STATES[condition],
      ...(header && { since: header.time }),
      runs: record.runs.map(({ time, command }) => ({ time, command })),
      holds: entries.map(({ step }) => ({ target: step.target, text: kindOf(step).describe(step) })),
      ...(condition === 'empty' && { problem: 'it is empty' }),
    };
  } finally {
    record.close();
  }
}

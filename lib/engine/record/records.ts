/** The records in the store: which one a name means, and which one a run or a restore takes. */
import { closeSync, existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { UsageError, VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { openExisting, type Place, readFrom } from './file.js';
import { decodeLine, type Header } from './line.js';
import { type Name, nameOf } from './name.js';
import { UndoRecord } from './record.js';
import { isRecordName, listStore, numberOf, openStore, storeOf } from './store.js';

/**
 * The record for a run that changes things: a live one of its name is continued, any other starts anew.
 * @param undo the name; undefined for a record of the run's own, which is numbered; false for one in memory alone
 * @param commandLine that asked for the run
 * @throws SystemError; UsageError; VfioIsolateError `ERR_RECORD`, `ERR_STATE`
 */
export async function recordForRun(
  host: Host,
  undo: string | false | undefined,
  commandLine = '',
): Promise<UndoRecord> {
  const record = undo === false ? await UndoRecord.inMemory(host) : await kept(host, undo);
  record.beginRun(commandLine);
  return record;
}

async function kept(host: Host, undo: string | undefined): Promise<UndoRecord> {
  const store = openStore(host);
  prune(host);
  if (undo === undefined) {
    const path = `${store}/run-${lastNumber(host) + 1}`;
    return UndoRecord.create(host, { path, name: path });
  }
  const found = findRecord(host, undo);
  if (found?.condition === 'live') return found;
  found?.close();
  return UndoRecord.create(host, placeOf(host, undo), nameOfNew(host, undo));
}

/**
 * Refuses what a run could not record to, before anything is done for it.
 * @throws SystemError; UsageError; VfioIsolateError `ERR_RECORD`, `ERR_STATE`
 */
export function requireRecordable(host: Host, undo: string | false | undefined): void {
  if (undo === undefined || undo === false) return;
  const found = findRecord(host, undo);
  found?.close();
  if (found?.condition !== 'live') nameOfNew(host, undo);
}

function nameOfNew(host: Host, undo: string): Name {
  const name = nameOf(undo);
  if (inStore(host, name) === undefined) return name;
  throw new UsageError(`${undo} lies where all records are kept`, { remedy: 'name a record by any other path' });
}

/** Where the record of a name is made. */
export function placeOf(host: Host, path: string): Place {
  return { path: pathOf(host, fileFor(nameOf(path).key)), name: path };
}

/**
 * An existing record. @param path its name; by default the record of the last run that still holds something
 * @returns undefined if no name is given and no record holds anything
 * @throws SystemError; UsageError; VfioIsolateError `ERR_RECORD`, `ERR_STATE`
 */
export function recordToRestore(host: Host, path: string | undefined): UndoRecord | undefined {
  if (path === undefined) return lastRun(host);
  const record = findRecord(host, path);
  if (record !== undefined) return record;
  const aside = existsSync(path) ? ' (a file itself is never read, so a copy of a record is none)' : '';
  throw new VfioIsolateError('ERR_RECORD', `there is no undo record ${path}${aside}`, {
    remedy: 'give the path that was given to -u; vfio-isolate records lists what there is',
  });
}

/**
 * The record of a name. A name means the record that was made under the same key. It also means one that was made under the
 * same text, or whose key has the present text: so it is found if a part of its way has meanwhile become a link, has come to
 * lead elsewhere, or has another owner. Records that hold something come before others.
 * @returns undefined if there is none
 * @throws SystemError; UsageError; VfioIsolateError `ERR_RECORD` for a damaged one, and if several are meant; `ERR_STATE`
 */
export function findRecord(host: Host, path: string): UndoRecord | undefined {
  const name = nameOf(path);
  const files = listStore(host).filter(isRecordName);
  if (files.length === 0) return undefined;
  const own = inStore(host, name) ?? fileFor(name.key);
  const meant = files.filter((file) => file === own || isOfName(headerOf(host, file), name, file));
  const records: UndoRecord[] = [];
  try {
    for (const file of meant.sort((a, b) => Number(b === own) - Number(a === own))) {
      const record = openIn(host, file, path);
      if (record !== undefined) records.push(record);
    }
    const live = records.filter(({ condition }) => condition === 'live');
    if (live.length > 1) throw ambiguous(path, live);
    const [chosen] = [...live, ...records];
    for (const record of records) if (record !== chosen) record.close();
    return chosen;
  } catch (error) {
    for (const record of records) record.close();
    throw error;
  }
}

/** @throws VfioIsolateError `ERR_RECORD` also for a copy, by which root may have replaced another one */
function openIn(host: Host, file: string, name: string): UndoRecord | undefined {
  const record = UndoRecord.open(host, { path: pathOf(host, file), name });
  const of = record?.header?.name;
  if (of === undefined || file === fileFor(of)) return record;
  record?.close();
  throw new VfioIsolateError('ERR_RECORD', `undo record ${name} is a copy of that of ${of}`, {
    remedy: `remove ${pathOf(host, file)}`,
  });
}

function ambiguous(path: string, live: readonly UndoRecord[]): VfioIsolateError {
  const names = live.map(({ header, place }) => header?.name ?? place.path);
  return new VfioIsolateError('ERR_RECORD', `${path} means several undo records: ${names.join(' and ')}`, {
    remedy: `its way leads elsewhere than before: restore each by its file, ${live.map(({ place }) => place.path).join(' and ')}`,
  });
}

/**
 * Every record of this boot that can be read and still holds something, that of the last run first.
 * @param but the path of one that is left out
 */
export function liveRecords(host: Host, but?: string): UndoRecord[] {
  const records = listStore(host)
    .filter((file) => isRecordName(file) && pathOf(host, file) !== but)
    .flatMap((file) => readable(host, file) ?? []);
  const live = records.filter((record) => keepsIf(record, record.condition === 'live'));
  const lastOf = ({ runs, header }: UndoRecord) => runs.at(-1)?.time ?? header?.time ?? '';
  return live.sort((a, b) => (lastOf(a) < lastOf(b) ? 1 : -1));
}

function lastRun(host: Host): UndoRecord | undefined {
  const [last, ...others] = liveRecords(host);
  for (const record of others) record.close();
  return last;
}

/**
 * A file of the store as a record, under its own name.
 * @returns undefined if it was removed meanwhile
 * @throws SystemError; VfioIsolateError `ERR_RECORD` for one that is damaged, or no record
 */
export function openStored(host: Host, file: string): UndoRecord | undefined {
  const path = pathOf(host, file);
  if (!isRecordName(file)) throw new VfioIsolateError('ERR_RECORD', `${path} is no undo record`);
  return openIn(host, file, headerOf(host, file)?.spelled ?? path);
}

/** One that cannot be read keeps no other from being used. */
function readable(host: Host, file: string): UndoRecord | undefined {
  try {
    return openStored(host, file);
  } catch {
    return undefined;
  }
}

function keepsIf(record: UndoRecord, isKept: boolean): boolean {
  if (!isKept) record.close();
  return isKept;
}

/** So many records may be there before old ones are removed, and so many of those that hold nothing are left then. */
const MOST = 64;
const LEFT = 32;

/** Removes the oldest of the records that hold nothing any more. */
function prune(host: Host): void {
  const files = listStore(host).filter(isRecordName);
  if (files.length <= MOST) return;
  const timeOf = ({ header }: UndoRecord) => header?.time ?? '';
  const records = files.flatMap((file) => readable(host, file) ?? []);
  const old = records
    .filter(({ condition }) => condition === 'spent' || condition === 'stale')
    .sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1))
    .slice(LEFT);
  // A number that a user has seen does not come to mean another run.
  const last = lastNumber(host);
  for (const record of old) if (numberOf(basename(record.place.path)) !== last) record.remove();
  for (const record of records) record.close();
}

const lastNumber = (host: Host) => Math.max(0, ...listStore(host).map((file) => numberOf(file) ?? 0));

const pathOf = (host: Host, file: string) => `${storeOf(host)}/${file}`;

/** As a hash, for a name may be longer than a file's. */
function fileFor(key: string): string {
  // Loaded if there is a record: a dry run seldom has one.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `name-${createHash('sha256').update(key).digest('hex')}`;
}

/** The name of the store's file that a path leads to, if it does. */
function inStore(host: Host, { key }: Name): string | undefined {
  return dirname(key) === dirname(nameOf(pathOf(host, 'x')).key) ? basename(key) : undefined;
}

function isOfName(header: Header | undefined, { key, spelled }: Name, file: string): boolean {
  if (header?.name === undefined || file !== fileFor(header.name)) return false;
  return [header.name, header.spelled].some((one) => one === key || one === spelled);
}

/** Room for two names of any length, each character escaped. */
const LONGEST_HEADER = 64 * 1024;

/** The first line of a file of the store; undefined if it has none of ours. */
function headerOf(host: Host, file: string): Header | undefined {
  const path = pathOf(host, file);
  try {
    const opened = openExisting({ path, name: path });
    if (opened === undefined) return undefined;
    try {
      const [text = ''] = readFrom(opened.fd, 0, LONGEST_HEADER).split('\n', 1);
      const line = decodeLine(text);
      return line.type === 'header' ? line : undefined;
    } finally {
      closeSync(opened.fd);
    }
  } catch {
    return undefined;
  }
}

/**
 * The folder of all records, which also has the lock: `/run/vfio-isolate`. It is root's alone, so nobody else can put, read
 * or remove a record. That is checked each time, since whoever came first may have made it.
 */
import { lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import { fromNode, isSystemError, VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { remedyForAccess } from '../../kernel/confinement.js';

export const storeOf = (host: Host): string => `${host.run}/vfio-isolate`;

/** Of a run that had no name for its record, and of one that had: the second part is a hash of the name. */
const RECORD = /^(?:run-(\d{1,9})|name-[0-9a-f]{64})$/;
/** What lies in the store beside the records: the lock, and a record that has no header yet. */
export const UNFINISHED = 'unfinished';
const OTHER = new Set(['lock', UNFINISHED]);

const FOR_OTHERS = 0o077;

/** Makes the store unless it exists. @returns its path @throws SystemError; VfioIsolateError `ERR_STATE` */
export function openStore(host: Host): string {
  const path = storeOf(host);
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) mkdirSync(path, { mode: 0o700, recursive: true });
    requireOwn(path, lstatSync(path));
    return path;
  } catch (error) {
    throw needingRoot(host, error);
  }
}

/** The names of all that lies in the store beside the lock; none if there is no store. @throws as {@link openStore} */
export function listStore(host: Host): string[] {
  const path = storeOf(host);
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return [];
    requireOwn(path, stats);
    return readdirSync(path)
      .filter((name) => !OTHER.has(name))
      .sort();
  } catch (error) {
    throw needingRoot(host, error, "the records are root's");
  }
}

export const isRecordName = (name: string): boolean => RECORD.test(name);

/** The number of a run's own record. */
export function numberOf(name: string): number | undefined {
  const found = RECORD.exec(name)?.[1];
  return found === undefined ? undefined : Number(found);
}

function requireOwn(path: string, stats: Stats): void {
  const why = whyNotOwn(stats);
  if (why === undefined) return;
  throw new VfioIsolateError('ERR_STATE', `${path}, where the records and the lock are kept, ${why}`, {
    remedy: `find out who made it so, remove it, and run this again`,
  });
}

function whyNotOwn(stats: Stats): string | undefined {
  if (stats.isSymbolicLink()) return 'is a link';
  if (!stats.isDirectory()) return 'is no directory';
  if (stats.uid !== 0 && stats.uid !== process.geteuid?.()) return `belongs to another user (uid ${stats.uid})`;
  if ((stats.mode & FOR_OTHERS) === 0) return undefined;
  return `is open to others (mode ${(stats.mode & 0o7777).toString(8).padStart(4, '0')})`;
}

/** An error of `node:fs` as one of ours; if it takes root, that is the remedy. */
export function needingRoot(host: Host, error: unknown, what?: string): unknown {
  const system = fromNode(error);
  if (!isSystemError(system, 'EACCES', 'EPERM')) return system;
  return system.explained({ remedy: remedyForAccess(host, what) });
}

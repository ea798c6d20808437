/** The record's file: opened without following links, made whole before it takes its name. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fromNode, isSystemError, SystemError } from '../../errors.js';
import { requireOwnFile } from './safety.js';
import { UNFINISHED } from './store.js';

/** Where a record lies, and what a user calls it. */
export interface Place {
  readonly path: string;
  readonly name: string;
}

export interface ExistingFile {
  readonly fd: number;
  /** Why it can only be read. */
  readonly unwritable?: SystemError;
}

/**
 * Opens an existing file; one on a read-only disk can still be read.
 * @returns undefined if there is none
 * @throws SystemError; VfioIsolateError `ERR_RECORD` for a file that others can have written
 */
export function openExisting({ path, name }: Place): ExistingFile | undefined {
  let file: ExistingFile;
  try {
    file = openAt(path);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    requireOwnFile(name, path, fstatSync(file.fd));
    return file;
  } catch (error) {
    closeSync(file.fd);
    throw fromNode(error);
  }
}

function openAt(path: string): ExistingFile {
  // O_NONBLOCK: a FIFO in the record's place must not hang a hook.
  const flags = constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const open = (access: number) => explaining(path, () => openSync(path, flags | access));
  try {
    return { fd: open(constants.O_RDWR) };
  } catch (error) {
    if (!isSystemError(error, 'EROFS')) throw error;
    return { fd: open(constants.O_RDONLY), unwritable: error };
  }
}

/** A file under a temporary name, which takes a name once it is whole: no crash leaves half a header behind. */
export interface NewFile {
  readonly fd: number;
  /** Puts it in the place of whatever has the name. @throws SystemError */
  commit(): void;
  /** Removes it. */
  discard(): void;
}

/** Only a run that has the lock makes one. @throws SystemError */
export function createFile(path: string): NewFile {
  const temporary = join(dirname(path), UNFINISHED);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = explaining(path, () => {
    // What a killed run has left.
    rmSync(temporary, { force: true });
    return openSync(temporary, flags, 0o600);
  });
  return {
    fd,
    commit: () => explaining(path, () => renameSync(temporary, path)),
    discard: () => {
      closeSync(fd);
      rmSync(temporary, { force: true });
    },
  };
}

/** Whether a path still leads to an open file. */
export function isInPlace(path: string, fd: number): boolean {
  const opened = fstatSync(fd, { bigint: true });
  const present = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return opened.dev === present?.dev && opened.ino === present.ino;
}

/** The text from one byte to another, by default to the end. */
export function readFrom(fd: number, from: number, to = fstatSync(fd).size): string {
  const bytes = Buffer.alloc(to - from);
  let length = 0;
  while (length < bytes.length) {
    const got = readSync(fd, bytes, length, bytes.length - length, from + length);
    if (got === 0) break;
    length += got;
  }
  return bytes.toString('utf8', 0, length);
}

/** Gives what fails the record's name and a remedy. @throws SystemError */
export function explaining<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw explained(error, path);
  }
}

const REMEDIES = new Map([
  ['ENOSPC', 'the records are kept in /run, which is full: make room there'],
  ['EDQUOT', 'the records are kept in /run, whose quota is used up: make room there'],
  ['EFBIG', 'the limit on the size of files is reached: see ulimit -f'],
  ['EROFS', 'the records are kept in /run: have it mounted for writing'],
  ['EACCES', 'it takes root: use sudo'],
  ['ELOOP', 'a link has the place of a record: remove it'],
  ['EISDIR', 'a directory has the place of a record: remove it'],
]);

export function explained(error: unknown, path: string): unknown {
  const system = fromNode(error);
  if (!isSystemError(system)) return system;
  const { errno, syscall, code } = system;
  return new SystemError({ errno, syscall, path, remedy: REMEDIES.get(code), cause: error });
}

/** The record's file: opened without following links, made whole before it takes its name. */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fromNode, isSystemError, SystemError } from '../../errors.js';
import { requireOwnFile } from './safety.js';
import { wayTo } from './way.js';

export interface ExistingFile {
  readonly fd: number;
  /** Why it can only be read. */
  readonly unwritable?: SystemError;
}

/**
 * Opens an existing file; one on a read-only disk can still be read.
 * @returns undefined where there is none
 * @throws SystemError; VfioIsolateError `ERR_RECORD` for a file that others can have written or put there
 */
export function openExisting(path: string): ExistingFile | undefined {
  let file: ExistingFile;
  try {
    // Resolved once, and opened by what was resolved: what is opened lies where nobody else can have put it.
    file = openAt(
      explaining(path, () => wayTo(path)),
      path,
    );
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    requireOwnFile(path, fstatSync(file.fd));
    return file;
  } catch (error) {
    closeSync(file.fd);
    throw fromNode(error);
  }
}

function openAt(place: string, path: string): ExistingFile {
  // O_NONBLOCK: a FIFO put in the record's place must not hang a hook.
  const flags = constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const open = (access: number) => explaining(path, () => openSync(place, flags | access));
  try {
    return { fd: open(constants.O_RDWR) };
  } catch (error) {
    if (!isSystemError(error, 'EROFS')) throw error;
    return { fd: open(constants.O_RDONLY), unwritable: error };
  }
}

/** No record that somebody asked for has such a name, so what has it may be removed. */
const UNFINISHED = '.vfio-isolate-unfinished';

/** A file under a temporary name, which takes a name once it is whole: no crash leaves half a header behind. */
export interface NewFile {
  readonly fd: number;
  /** Puts it in the place of whatever has the name. @throws SystemError */
  commit(): void;
  /** Removes it. */
  discard(): void;
}

/** @throws SystemError; VfioIsolateError `ERR_RECORD` for a directory or a link on its way that others may change */
export function createFile(path: string): NewFile {
  const target = explaining(path, () => wayTo(path));
  const temporary = target + UNFINISHED;
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = explaining(path, () => {
    // What a killed run has left; none at work can have it, for that takes the lock.
    rmSync(temporary, { force: true });
    return openSync(temporary, flags, 0o600);
  });
  return {
    fd,
    commit: () =>
      explaining(path, () => {
        renameSync(temporary, target);
        syncDirectory(dirname(target));
      }),
    discard: () => {
      closeSync(fd);
      rmSync(temporary, { force: true });
    },
  };
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

function syncDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
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
  ['ENOSPC', 'the disk of the undo record is full: name a file elsewhere, such as below /run'],
  ['EDQUOT', 'the disk quota is used up: name a file elsewhere, such as below /run'],
  ['EFBIG', 'the limit on the size of files is reached: see ulimit -f'],
  ['EROFS', 'the disk of the undo record is read-only: name a file elsewhere, such as below /run'],
  ['EACCES', 'run it as root, or name a file that you may write'],
  ['ENOENT', 'make the directory of the undo record first'],
  ['ELOOP', 'a link is not followed: name the file itself'],
  ['EISDIR', 'name a file, not a directory'],
]);

export function explained(error: unknown, path: string): unknown {
  const system = fromNode(error);
  if (!isSystemError(system)) return system;
  const { errno, syscall, code } = system;
  return new SystemError({ errno, syscall, path, remedy: REMEDIES.get(code), cause: error });
}

/**
 * The one door through which anything below a kernel root is changed: a path is split into the root that it lies below
 * and the rest, the root is opened and confirmed by statfs(2), and the change happens strictly beneath it.
 */
import { VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { type Directory, type DirectoryAt, native } from '../native.js';
import { type CpusetHierarchy, cpusetMounts, findCpusets } from './mounts.js';

export type RootName = 'sys' | 'proc' | 'cgroup';

export interface Place {
  readonly root: RootName;
  readonly rootPath: string;
  /** statfs f_type that the root must have; undefined for a tree that stands in for a host. */
  readonly type: number | undefined;
  /** Below the root, without a leading slash; '' is the root itself. */
  readonly relative: string;
}

const SYSFS = 0x62656572;
const PROCFS = 0x9fa0;

/**
 * Splits an absolute path into a kernel root and the rest.
 * @throws VfioIsolateError `ERR_STATE` for a path that is not plain or lies below none of the roots
 */
export function locate(host: Host, path: string): Place {
  if (!isPlain(path)) throw new VfioIsolateError('ERR_STATE', `not a plain absolute path: ${JSON.stringify(path)}`);
  const below = rootOf(host, path);
  if (below === undefined) {
    throw new VfioIsolateError('ERR_STATE', `${path} lies below none of the kernel's file systems`);
  }
  return { ...below, type: host.live ? below.type : undefined, relative: path.slice(below.rootPath.length + 1) };
}

/** The nearest above a path. No cgroup file system is mounted within procfs: for that the mounts need not be looked at. */
function rootOf(host: Host, path: string): Omit<Place, 'relative'> | undefined {
  const isBelow = ({ rootPath }: { rootPath: string }) => path === rootPath || path.startsWith(`${rootPath}/`);
  const proc = { root: 'proc' as const, rootPath: host.proc, type: PROCFS };
  if (isBelow(proc)) return proc;
  const sys = { root: 'sys' as const, rootPath: host.sys, type: SYSFS };
  const cgroups = cpusetMounts(host).map(({ mountPoint, type }) => ({
    root: 'cgroup' as const,
    rootPath: mountPoint,
    type,
  }));
  return [sys, ...cgroups].filter(isBelow).sort((a, b) => b.rootPath.length - a.rootPath.length)[0];
}

/** Bytes of the longest path that a system call takes, its NUL included (limits.h). */
export const PATH_MAX = 4096;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const PLAIN = /^(?:\/(?!\.\.?(?:\/|$))[^/\x00-\x1f\x7f\ufffd]+)+$/;

/**
 * Absolute, no empty, `.` or `..` component, no control character; not longer than any path can be. U+FFFD stands for what
 * is no UTF-8, and so for any number of names.
 */
export const isPlain = (path: string): boolean => path.length < PATH_MAX && PLAIN.test(path);

/** Opens the root that a path lies below, confirmed by statfs(2); the caller closes it. @throws SystemError */
export function openRoot(host: Host, path: string): { root: Directory; relative: string } {
  const place = locate(host, path);
  return { root: new (native().Directory)(place.rootPath, place.type), relative: place.relative };
}

/** The hierarchy of the cpusets, for a call that names several of its cgroups, opens it and confirms it by statfs(2). */
export interface PlacedHierarchy extends CpusetHierarchy {
  readonly place: DirectoryAt;
}

/** @throws VfioIsolateError `ERR_UNSUPPORTED` */
export function placedHierarchy(host: Host): PlacedHierarchy {
  const carrier = findCpusets(host);
  return { ...carrier, place: { path: carrier.mountPoint, ...(host.live && { type: carrier.type }) } };
}

function beneath(host: Host, path: string, act: (root: Directory, relative: string) => void): void {
  const { root, relative } = openRoot(host, path);
  try {
    act(root, relative);
  } finally {
    root.close();
  }
}

/** Writes a value in one write(2). @throws SystemError */
export function writeFile(host: Host, path: string, value: string): void {
  beneath(host, path, (root, relative) => root.write(relative, value));
}

/** The same by a process of its own, for a write that may take long. @returns its PID @throws SystemError */
export function writeFileApart(host: Host, path: string, value: string): number {
  let pid = 0;
  beneath(host, path, (root, relative) => {
    pid = root.writeApart(relative, value);
  });
  return pid;
}

/** @throws SystemError */
export function makeDirectory(host: Host, path: string): void {
  beneath(host, path, (root, relative) => root.makeDirectory(relative));
}

/** @throws SystemError */
export function removeDirectory(host: Host, path: string): void {
  beneath(host, path, (root, relative) => root.removeDirectory(relative));
}

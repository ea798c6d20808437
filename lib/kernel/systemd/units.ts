/** Which unit a cgroup belongs to: systemd names cgroups after units (systemd.slice(5), CGROUP_DELEGATION.md). */
import { cpusetName } from '../cpuset.js';
import type { CpusetHierarchy } from '../mounts.js';

export interface Owner {
  /** Name of the unit: `system.slice`. */
  readonly unit: string;
  /** Directory of the unit's own cgroup. What lies below it, and is no unit, is the unit's own affair. */
  readonly directory: string;
}

/** The innermost unit that a cgroup lies in; none for the root, and for what others have made at the top. */
export function ownerOf(hierarchy: CpusetHierarchy, directory: string): Owner | undefined {
  const names = cpusetName(hierarchy, directory).split('/').filter(Boolean);
  let owner: Owner | undefined;
  let path = hierarchy.mountPoint;
  for (const name of names) {
    const unit = unescaped(name);
    if (!UNIT.test(unit)) break;
    path += `/${name}`;
    owner = { unit, directory: path };
    // Only slices have units below them.
    if (!isSlice(unit)) break;
  }
  return owner;
}

/** Only the root slice begins with a dash. */
const UNIT = /^(?!-[^.])[A-Za-z0-9:_.\\@-]{1,240}\.(slice|scope|service|socket|mount|swap)$/;

export const isSlice = (unit: string): boolean => unit.endsWith('.slice');

/** A name that the kernel could take for one of its files begins with one more `_`. */
function unescaped(name: string): string {
  return name.startsWith('_') && /^_(cgroup|cpuset|cpu|memory|io|pids|rdma|hugetlb|misc)\./.test(name)
    ? name.slice(1)
    : name;
}

/** Path of a slice's cgroup from the root: each dash of its name stands for a slice above it. */
export function slicePath(slice: string): string {
  const parts = slice.slice(0, -'.slice'.length).split('-');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('');
}

/** Path of a unit's cgroup from the root. @param slice that it is in; of a slice its own name says so */
export function cgroupPath(unit: string, slice: string): string {
  if (isSlice(unit)) return slicePath(unit);
  return slice === '' ? '' : `${slicePath(slice)}/${unit}`;
}

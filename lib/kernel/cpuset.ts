/** Cpusets: the names by which a user knows them, and what each is set to (cpuset(7), cgroup-v1/cpusets.rst). */
import { statSync } from 'node:fs';
import { UsageError, VfioIsolateError } from '../errors.js';
import { type Host, listIfThere, readIfThere } from '../host.js';
import { PATH_MAX } from './door.js';
import type { CpusetHierarchy } from './mounts.js';

/** The flags of a v1 cpuset that a user may set. */
export const FLAGS = ['cpu_exclusive', 'mem_exclusive', 'memory_migrate', 'sched_load_balance'] as const;

/** All that makes a v1 cpuset what it is, in the order in which it can be written to a new one. */
export const SETTINGS = [
  'mems',
  'cpus',
  'memory_migrate',
  'memory_spread_page',
  'memory_spread_slab',
  'mem_hardwall',
  'sched_load_balance',
  'sched_relax_domain_level',
  'cpu_exclusive',
  'mem_exclusive',
] as const;
export type Setting = (typeof SETTINGS)[number];

/** What every v1 cgroup has beside, without prefix. */
const GENERIC = ['notify_on_release', 'cgroup.clone_children'] as const;

/** File names, prefix included, and their texts, in the order in which they can be written to a new cgroup. */
export type Settings = Readonly<Record<string, string>>;

const NAME_MAX = 255;

/**
 * The directory of a cpuset.
 * @param name as a user writes it: a path from the root of the hierarchy, `/` being the root itself
 * @throws UsageError for a name that no cgroup can have
 */
export function cpusetDirectory(hierarchy: CpusetHierarchy, name: string): string {
  const names = name.split('/').filter((part) => part !== '');
  if (name === '') throw new UsageError('the name of a cpuset is empty');
  for (const part of names) {
    if (part === '.' || part === '..') throw new UsageError(`${shown(name)} is no cpuset: it contains "${part}"`);
    if (isLonger(part, NAME_MAX)) throw new UsageError(`${shown(part)} is longer than ${NAME_MAX} bytes`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\x00-\x1f\x7f]/.test(name)) throw new UsageError(`${shown(name)} is no cpuset: it has a control character`);
  const directory = [hierarchy.mountPoint, ...names].join('/');
  if (isLonger(directory, PATH_MAX - 1)) throw new UsageError(`${shown(name)} is longer than ${PATH_MAX} bytes`);
  return directory;
}

/** In bytes, of which a character has three at most. */
function isLonger(text: string, bytes: number): boolean {
  return text.length * 3 > bytes && Buffer.byteLength(text) > bytes;
}

function shown(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 57)}...` : name);
}

/** The name by which a user knows a cgroup directory. */
export function cpusetName(hierarchy: CpusetHierarchy, directory: string): string {
  return directory.slice(hierarchy.mountPoint.length) || '/';
}

export function parentOf(directory: string): string {
  return directory.slice(0, directory.lastIndexOf('/'));
}

/** Path of one of a cpuset's files. */
export function settingFile(hierarchy: CpusetHierarchy, directory: string, setting: Setting): string {
  return `${directory}/${hierarchy.prefix}${setting}`;
}

export function cpusetExists(host: Host, directory: string): boolean {
  return listIfThere(host, directory) !== undefined;
}

/** By what one of this name is told from another that was made later: its inode number, which kernfs gives out once a boot. */
export function identityOf(directory: string): string {
  return String(statSync(directory, { bigint: true }).ino);
}

/**
 * Where the kernel has sent the tasks of a v1 cpuset whose CPUs have all gone offline: to the nearest one above it that has
 * some. Undefined for one that has CPUs.
 */
export function refugeFrom(host: Host, hierarchy: CpusetHierarchy, directory: string): string | undefined {
  const isEmptied = (at: string) => readIfThere(host, settingFile(hierarchy, at, 'cpus')) === '';
  if (hierarchy.version === 2 || !isEmptied(directory)) return undefined;
  const above = parentOf(directory);
  return refugeFrom(host, hierarchy, above) ?? above;
}

/**
 * @param besides what is missing as well, for the message
 * @throws VfioIsolateError `ERR_STATE` if there is no such cpuset
 */
export function requireCpuset(host: Host, hierarchy: CpusetHierarchy, directory: string, besides = ''): void {
  if (cpusetExists(host, directory)) return;
  const name = cpusetName(hierarchy, directory);
  const near = nearestAncestor(host, directory);
  const there = childrenOf(host, near).map((child) => cpusetName(hierarchy, child));
  throw new VfioIsolateError('ERR_STATE', `there is no cpuset ${name}${besides}`, {
    remedy: there.length === 0 ? undefined : `${cpusetName(hierarchy, near)} has ${there.slice(0, 8).join(', ')}`,
  });
}

/** @throws VfioIsolateError `ERR_STATE` where there is such a cpuset already */
export function requireAbsent(host: Host, hierarchy: CpusetHierarchy, directory: string): void {
  if (!cpusetExists(host, directory)) return;
  throw new VfioIsolateError('ERR_STATE', `there is a cpuset ${cpusetName(hierarchy, directory)} already`, {
    remedy: 'change it with cpuset-modify',
  });
}

function nearestAncestor(host: Host, directory: string): string {
  const parent = parentOf(directory);
  return cpusetExists(host, parent) ? parent : nearestAncestor(host, parent);
}

/** The cgroups directly below one, as directories; none where it is gone. */
export function childrenOf(host: Host, directory: string): string[] {
  return (listIfThere(host, directory) ?? [])
    .map((name) => `${directory}/${name}`)
    .filter((path) => listIfThere(host, path)?.includes('cgroup.procs'));
}

/** What a cpuset is set to, in the order in which it can be written to a new one. */
export function readSettings(host: Host, hierarchy: CpusetHierarchy, directory: string): Settings {
  const names = [...SETTINGS.map((setting) => `${hierarchy.prefix}${setting}`), ...GENERIC];
  const found = names.map((name) => [name, readIfThere(host, `${directory}/${name}`)] as const);
  return Object.fromEntries(found.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** What the kernel sets a new cpuset to, below one that on v1 has the same files. */
export function freshSettings(host: Host, hierarchy: CpusetHierarchy, parent: string): Settings {
  if (hierarchy.version === 2) return { 'cpuset.cpus': '', 'cpuset.mems': '' };
  const fresh: Partial<Record<Setting, string>> = {
    cpus: '',
    mems: '',
    sched_load_balance: '1',
    sched_relax_domain_level: '-1',
  };
  const there = listIfThere(host, parent) ?? [];
  const settings = SETTINGS.map((setting) => [`${hierarchy.prefix}${setting}`, fresh[setting] ?? '0'] as const);
  return Object.fromEntries(settings.filter(([name]) => there.includes(name)));
}

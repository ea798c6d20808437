/**
 * AllowedCPUs and AllowedMemoryNodes of units (systemd.resource-control(5); cgroup v2 and systemd 244), which systemd
 * writes to the cgroup's cpuset. They are set at run time: in memory, and in a drop-in file below /run.
 */
import { readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { fromNode, isSystemError, VfioIsolateError } from '../../errors.js';
import { type Host, readIfThere } from '../../host.js';
import type { Bitmap } from '../../sets/bitmap.js';
import { parseList } from '../../sets/list.js';
import type { CpusetHierarchy } from '../mounts.js';
import { callManager, showUnit } from './bus.js';
import type { Owner } from './units.js';

/** Each with the file of the cgroup that it ends up in. */
export const PROPERTIES = { AllowedCPUs: 'cpuset.cpus', AllowedMemoryNodes: 'cpuset.mems' } as const;
export type Property = keyof typeof PROPERTIES;

export interface PropertyValue {
  /** A cpulist or nodelist; empty where nothing is set, so that what holds above it holds. */
  readonly list: string;
  /** Whether a drop-in of the run-time kind says so. */
  readonly dropIn: boolean;
}

/**
 * What a property is set to; nothing for a unit that systemd does not know any more.
 * @throws VfioIsolateError where systemd does not know the property
 */
export async function readProperty(host: Host, unit: string, property: Property): Promise<PropertyValue> {
  const texts = dropIns(host, unit, property).map((path) => readIfThere(host, path));
  const dropIn = texts.find((text) => text !== undefined);
  const planned = texts.find(isPlanned) ?? plannedUnit(host, unit);
  const asked = planned === undefined && host.live ? await shown(host, unit, property) : undefined;
  const list = asked ?? assigned(planned ?? dropIn ?? '', property) ?? '';
  const numbers = list.trim().split(/[\s,]+/);
  return { list: parseList(numbers.join(',')).toString(), dropIn: dropIn !== undefined };
}

async function shown(host: Host, unit: string, property: Property): Promise<string> {
  const list = (await showUnit(host, unit, [property])).get(property);
  if (list !== undefined) return list;
  if (!(await isLoaded(host, unit))) return '';
  throw new VfioIsolateError('ERR_UNSUPPORTED', `this systemd does not know ${property}`, {
    remedy: 'systemd 244 or newer has it',
  });
}

/** Whether systemd knows the unit: a transient one, or a scope, is forgotten when it ends. */
export async function isLoaded(host: Host, unit: string): Promise<boolean> {
  return (await showUnit(host, unit, ['LoadState'])).get('LoadState') === 'loaded';
}

/** Begins what a dry run lays over the files that systemd would write: of it the real systemd knows nothing. */
const PLANNED = '# planned';
const isPlanned = (text: string | undefined): boolean => text?.startsWith(PLANNED) ?? false;

/** The text of such a file. */
export const plannedText = (settings: Readonly<Record<string, string>>): string =>
  [PLANNED, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)].join('\n');

/** Where systemd keeps a transient unit. */
export const transientFile = (host: Host, unit: string): string => `${host.run}/systemd/transient/${unit}`;

/** What a dry run has laid for a unit that it would have made. */
export function plannedUnit(host: Host, unit: string): string | undefined {
  const text = readIfThere(host, transientFile(host, unit));
  return isPlanned(text) ? text : undefined;
}

/** Drop-ins by which an administrator has set the property for good, and that count for more than ours at the next reload. */
export async function strongerDropIns(host: Host, unit: string, property: Property): Promise<string[]> {
  if (!host.live || plannedUnit(host, unit) !== undefined) return [];
  const own = dropIns(host, unit, property);
  const paths = (await showUnit(host, unit, ['DropInPaths'])).get('DropInPaths')?.split(' ') ?? [];
  return paths.filter((path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (path === '' || own.includes(path) || name < `50-${property}.conf`) return false;
    return assigned(readIfThere(host, path) ?? '', property) !== undefined;
  });
}

/** @throws VfioIsolateError `ERR_STATE` where that cgroup is not systemd's, whatever its name */
export async function requireUnitAt(host: Host, hierarchy: CpusetHierarchy, { unit, directory }: Owner): Promise<void> {
  if (!host.live || plannedUnit(host, unit) !== undefined) return;
  const cgroup = (await showUnit(host, unit, ['ControlGroup'])).get('ControlGroup');
  if (hierarchy.mountPoint + cgroup === directory) return;
  throw new VfioIsolateError('ERR_STATE', `systemd has no unit ${unit} at ${directory}`, {
    remedy: 'see systemctl status and systemd-cgls',
  });
}

/** An empty assignment takes back those above it. */
function assigned(text: string, property: Property): string | undefined {
  const lines = text.split('\n').filter((line) => line.startsWith(`${property}=`));
  return lines.at(-1)?.slice(property.length + 1);
}

/** Sets a property until the next boot; an empty set takes it back. systemd answers before the kernel has it. */
export async function setProperty(host: Host, unit: string, property: Property, set: Bitmap): Promise<void> {
  await callManager(host, 'SetUnitProperties', 'sba(sv)', unit, 'true', '1', property, ...byteArray(set));
}

/** Removes the drop-in that setting a property has left, and the directories that were made for it. */
export function removeDropIn(host: Host, unit: string, property: Property): void {
  for (const path of dropIns(host, unit, property)) {
    if (readIfThere(host, path) === undefined) continue;
    try {
      unlinkSync(path);
      removeEmpty(path.slice(0, path.lastIndexOf('/')));
    } catch (error) {
      throw fromNode(error);
    }
  }
}

function removeEmpty(directory: string): void {
  try {
    if (readdirSync(directory).length === 0) rmdirSync(directory);
  } catch (error) {
    // somebody has put another one there, or was faster to remove it
    if (!isSystemError(fromNode(error), 'ENOENT', 'ENOTEMPTY')) throw error;
  }
}

/** Where systemd keeps what is set at run time: of transient units, init.scope among them, and of all others. */
export function dropIns(host: Host, unit: string, property: Property): string[] {
  return ['system.control', 'transient'].map((kind) => `${host.run}/systemd/${kind}/${unit}.d/50-${property}.conf`);
}

/** A CPU or node set as systemd's bus takes it: a little-endian bitmap, as so many bytes. */
export function byteArray(set: Bitmap): string[] {
  const bytes = set.isEmpty ? [] : set.toBytes();
  return ['ay', String(bytes.length), ...Array.from(bytes, String)];
}

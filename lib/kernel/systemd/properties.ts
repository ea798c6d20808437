/**
 * AllowedCPUs and AllowedMemoryNodes of units (systemd.resource-control(5); cgroup v2 and systemd 244), which systemd
 * writes to the cgroup's cpuset. They are set at run time: in memory, and in a drop-in file below /run.
 */
import { readdirSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { fromNode, isSystemError, VfioIsolateError } from '../../errors.js';
import { type Host, readIfThere } from '../../host.js';
import type { Bitmap } from '../../sets/bitmap.js';
import { parseList } from '../../sets/list.js';
import type { List } from '../effective.js';
import type { CpusetHierarchy } from '../mounts.js';
import { callManager, showUnit } from './bus.js';
import { cgroupPath, type Owner } from './units.js';

/** Each with the list of the cgroup's cpuset that it ends up in. */
export const PROPERTIES = { AllowedCPUs: 'cpus', AllowedMemoryNodes: 'mems' } as const satisfies Record<string, List>;
export type Property = keyof typeof PROPERTIES;
export const PROPERTY_NAMES = Object.keys(PROPERTIES) as Property[];

export interface PropertyValue {
  /** A cpulist or nodelist; empty where nothing is set, so that what holds above it holds. */
  readonly list: string;
  /** Whether a drop-in of the run-time kind says so. */
  readonly dropIn: boolean;
}

/** What systemd itself says of a unit. */
export interface UnitState {
  /** A transient unit, or a scope, is forgotten when it ends. */
  readonly loaded: boolean;
  /** Whether it runs; of a slice its cgroup may outlast that, while tasks are in it. */
  readonly active: boolean;
  /** Whether it neither runs nor is about to, nor about to end. systemd may make its cgroup even so. */
  readonly idle: boolean;
  /**
   * Whether somebody means it: it runs, or has a file or drop-ins of its own. systemd loads a slice of any name, so that
   * to be loaded says nothing.
   */
  readonly known: boolean;
  readonly description: string;
  /** Path of its cgroup from the root; empty while it has none. */
  readonly cgroup: string;
  /** The path that its cgroup has whenever it runs. */
  readonly place: string;
  readonly dropIns: readonly string[];
  /** As systemd prints them; those that this systemd does not know are absent. */
  readonly properties: ReadonlyMap<string, string>;
}

/** @returns undefined where there is no systemd to ask: on a captured tree, or for what a dry run would have made */
export async function askUnit(host: Host, unit: string): Promise<UnitState | undefined> {
  if (!host.live || plannedUnit(host, unit) !== undefined) return undefined;
  const shown = await showUnit(host, unit, [...ASKED, ...PROPERTY_NAMES]);
  const loaded = shown.get('LoadState') === 'loaded';
  const active = shown.get('ActiveState') === 'active';
  const dropIns = shown.get('DropInPaths')?.split(' ').filter(Boolean) ?? [];
  // Others are for all slices, or for all whose name begins alike.
  const hasFile = Boolean(shown.get('FragmentPath')) || dropIns.some((path) => path.includes(`/${unit}.d/`));
  return {
    loaded,
    active,
    idle: ['inactive', 'failed'].includes(shown.get('ActiveState') ?? ''),
    known: active || (loaded && hasFile),
    description: shown.get('Description') ?? '',
    cgroup: shown.get('ControlGroup') ?? '',
    place: cgroupPath(unit, shown.get('Slice') ?? ''),
    dropIns,
    properties: shown,
  };
}

const ASKED = ['LoadState', 'ActiveState', 'Description', 'ControlGroup', 'DropInPaths', 'FragmentPath', 'Slice'];

/**
 * What a property is set to; nothing for a unit that systemd does not know any more.
 * @param state what systemd says of the unit
 * @throws VfioIsolateError where systemd does not know the property
 */
export function readProperty(
  host: Host,
  unit: string,
  property: Property,
  state: UnitState | undefined,
): PropertyValue {
  const texts = dropIns(host, unit, property).map((path) => readIfThere(host, path));
  const dropIn = texts.find((text) => text !== undefined);
  const planned = texts.find(isPlanned) ?? plannedUnit(host, unit);
  const list =
    planned === undefined && state !== undefined
      ? known(state, property)
      : (assigned(planned ?? dropIn ?? '', property) ?? '');
  const numbers = list.trim().split(/[\s,]+/);
  return { list: parseList(numbers.join(','), `${property} of ${unit}`).toString(), dropIn: dropIn !== undefined };
}

function known({ loaded, properties }: UnitState, property: Property): string {
  const list = properties.get(property);
  if (list !== undefined || !loaded) return list ?? '';
  throw new VfioIsolateError('ERR_UNSUPPORTED', `this systemd does not know ${property}`, {
    remedy: 'systemd 244 or newer has it',
  });
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
function plannedUnit(host: Host, unit: string): string | undefined {
  const text = readIfThere(host, transientFile(host, unit));
  return isPlanned(text) ? text : undefined;
}

/** Drop-ins by which somebody else sets the property, and that are read after ours at the next reload. */
export function strongerDropIns(host: Host, unit: string, property: Property, state: UnitState | undefined): string[] {
  const own = dropIns(host, unit, property);
  return (state?.dropIns ?? []).filter((path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (own.includes(path) || name < `50-${property}.conf`) return false;
    return assigned(readIfThere(host, path) ?? '', property) !== undefined;
  });
}

/** @throws VfioIsolateError `ERR_STATE` where that cgroup is not systemd's, whatever its name */
export function requireUnitAt(
  hierarchy: CpusetHierarchy,
  { unit, directory }: Owner,
  state: UnitState | undefined,
): void {
  if (state === undefined || hierarchy.mountPoint + state.cgroup === directory) return;
  throw new VfioIsolateError('ERR_STATE', `systemd has no unit ${unit} at ${directory}`, {
    remedy: 'see systemctl status and systemd-cgls',
  });
}

/** The last assignment, of which the files that this tool plans have one. */
function assigned(text: string, property: Property): string | undefined {
  const lines = text.split('\n').filter((line) => line.startsWith(`${property}=`));
  return lines.at(-1)?.slice(property.length + 1);
}

/** Sets a property until the next boot; an empty set takes it back. systemd answers before the kernel has it. */
export async function setProperty(host: Host, unit: string, property: Property, set: Bitmap): Promise<void> {
  await callManager(host, 'SetUnitProperties', 'sba(sv)', unit, 'true', '1', property, ...byteArray(set));
  for (const path of dropIns(host, unit, property)) standAlone(host, path, property);
}

const UNFINISHED = '.vfio-isolate-unfinished';

/**
 * At a reload lists are joined with those of the unit's file and of the drop-ins before, other than when they are set. Only
 * an empty assignment takes those back, and systemd 252 writes none.
 */
function standAlone(host: Host, path: string, property: Property): void {
  const text = readIfThere(host, path);
  const empty = `${property}=\n`;
  if (text === undefined || text.includes(`\n${empty}`)) return;
  const unfinished = path + UNFINISHED;
  try {
    writeFileSync(unfinished, `${text.replace(`\n${property}=`, `\n${empty}${property}=`)}\n`, { mode: 0o644 });
    renameSync(unfinished, path);
  } catch (error) {
    throw fromNode(error);
  }
}

/** Removes the drop-in that setting a property has left, and the directories that were made for it. */
export function removeDropIn(host: Host, unit: string, property: Property): void {
  for (const path of dropIns(host, unit, property)) {
    if (readIfThere(host, path) === undefined) continue;
    try {
      rmSync(path + UNFINISHED, { force: true });
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

/**
 * The cpuset commands on cgroup v2 with systemd, the single writer of its tree: what is written to a unit's cgroup by hand
 * is gone at the next daemon-reload. So a unit is narrowed by its properties, and a new cpuset is a transient slice. Its
 * tasks sit in a leaf below it, since a slice that itself holds tasks keeps units from starting in it.
 */
import { UsageError, VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import {
  childrenOf,
  cpusetDirectory,
  cpusetExists,
  cpusetName,
  parentOf,
  requireAbsent,
  requireCpuset,
} from '../../kernel/cpuset.js';
import type { CpusetHierarchy } from '../../kernel/mounts.js';
import {
  askUnit,
  PROPERTIES,
  PROPERTY_NAMES,
  type Property,
  readProperty,
  requireUnitAt,
  strongerDropIns,
  type UnitState,
} from '../../kernel/systemd/properties.js';
import { DESCRIPTION } from '../../kernel/systemd/slices.js';
import { isSlice, type Owner, ownerOf, slicePath } from '../../kernel/systemd/units.js';
import { propertyStep } from '../../steps/property.js';
import { SLICE, type SliceStep } from '../../steps/slice.js';
import type { Step } from '../../steps/step.js';
import { moveStep } from '../../steps/tasks.js';
import type { CpusetCommands } from './commands.js';
import { otherSetting, requireRemovable } from './deletion.js';
import { leaving } from './leaving.js';
import { askedLists } from './options.js';
import { requireDomain, requireFits, requireRoom } from './v2-rules.js';

/** Holds the tasks of a slice. */
const LEAF = 'tasks';

export function systemdCpusets(host: Host, hierarchy: CpusetHierarchy): CpusetCommands {
  const directoryOf = (name: string) => cpusetDirectory(hierarchy, name);
  const nameOf = (directory: string) => cpusetName(hierarchy, directory);

  /** Below a service or scope its program minds the cgroups; at the top systemd knows nothing of what others have made. */
  function requireUnit(directory: string): Owner {
    const owner = ownerOf(hierarchy, directory);
    if (owner?.directory === directory) return owner;
    if (directory === hierarchy.mountPoint) {
      throw new VfioIsolateError('ERR_STATE', 'the root cpuset cannot be changed', {
        remedy: 'change /system.slice, /user.slice and /init.scope, or /machine.slice',
      });
    }
    if (owner === undefined) {
      throw new VfioIsolateError(
        'ERR_STATE',
        `${nameOf(directory)} is no unit of systemd, which would undo the change`,
        {
          remedy: 'name a unit: systemd-cgls shows them',
        },
      );
    }
    throw new VfioIsolateError('ERR_STATE', `${nameOf(directory)} is managed by ${owner.unit}`, {
      remedy: `change ${nameOf(owner.directory)} as a whole`,
    });
  }

  /**
   * A slice has no cgroup before the first unit in it starts. Its properties can be set before, and hold from then on.
   * @returns what a user should know of that
   * @throws VfioIsolateError `ERR_STATE` for a cpuset that is not there, and of which systemd knows no unit either
   */
  async function requireKnown(directory: string): Promise<string[]> {
    const owner = ownerOf(hierarchy, directory);
    const state = owner?.directory === directory ? await askUnit(host, owner.unit) : undefined;
    const isInPlace = state !== undefined && hierarchy.mountPoint + state.place === directory;
    if (isInPlace && state.known && state.idle) return [`${owner?.unit} does not run yet: this holds once it does`];
    requireCpuset(host, hierarchy, directory, state && `, and systemd knows no unit ${owner?.unit}`);
    return [];
  }

  function isOurs(directory: string, state: UnitState | undefined): boolean {
    if (state?.description === DESCRIPTION) return true;
    // of a slice that somebody has stopped the leaf remains, if tasks are in it
    return !state?.active && cpusetExists(host, `${directory}/${LEAF}`);
  }

  /** Where the tasks of a cgroup are: of a slice, in its leaf. */
  function requireSource(directory: string, force: boolean): string {
    requireCpuset(host, hierarchy, directory);
    const owner = ownerOf(hierarchy, directory);
    if (owner !== undefined && isSlice(owner.unit)) {
      if (owner.directory !== directory) return directory;
      const leaf = `${directory}/${LEAF}`;
      if (cpusetExists(host, leaf)) return leaf;
      throw new VfioIsolateError('ERR_STATE', `${owner.unit} holds no tasks itself, only units`, {
        remedy: `narrow it with all that is in it: cpuset-modify --cpus ... ${nameOf(directory)}`,
      });
    }
    if (owner !== undefined && !force) {
      throw new VfioIsolateError(
        'ERR_STATE',
        `${nameOf(directory)} belongs to ${owner.unit}, which ends without its tasks`,
        {
          remedy: `narrow it instead: cpuset-modify --cpus ... ${nameOf(owner.directory)}; or move them with --force`,
        },
      );
    }
    return directory;
  }

  /** Where tasks that come to a cgroup may stay, and what has to be made for that. */
  function requireDestination(directory: string, force: boolean): { to: string; steps: Step[] } {
    requireCpuset(host, hierarchy, directory);
    const owner = ownerOf(hierarchy, directory);
    if (owner === undefined || owner.directory !== directory) {
      if (owner !== undefined && !isSlice(owner.unit)) requireForce(directory, owner, force);
      requireRoom(host, hierarchy, directory);
      return { to: directory, steps: [] };
    }
    if (!isSlice(owner.unit)) {
      requireForce(directory, owner, force);
      return { to: directory, steps: [] };
    }
    const to = `${directory}/${LEAF}`;
    return { to, steps: cpusetExists(host, to) ? [] : [{ kind: 'cgroup', target: to, from: null, to: {} }] };
  }

  function requireForce(directory: string, { unit }: Owner, force: boolean): void {
    if (force) return;
    throw new VfioIsolateError('ERR_STATE', `what is moved to ${nameOf(directory)} ends when ${unit} is stopped`, {
      remedy: 'create a slice for it: cpuset-create /NAME.slice; or move it all the same with --force',
    });
  }

  return {
    create(name, parameters) {
      const directory = directoryOf(name);
      const unit = directory.slice(directory.lastIndexOf('/') + 1);
      requireSliceName(name, nameOf(directory), unit);
      const { lists, notes } = askedLists(host, parameters);
      requireAbsent(host, hierarchy, directory);
      requireCpuset(host, hierarchy, parentOf(directory));
      requireFits(host, hierarchy, directory, lists);
      const { cpus = '', mems = '' } = lists;
      const slice: SliceStep = { kind: 'slice', target: unit, from: null, to: { cpus, mems } };
      return { steps: [slice, { kind: 'cgroup', target: `${directory}/${LEAF}`, from: null, to: {} }], notes };
    },

    async modify(name, parameters) {
      const directory = directoryOf(name);
      const { lists, notes } = askedLists(host, parameters);
      const later = await requireKnown(directory);
      const owner = requireUnit(directory);
      requireFits(host, hierarchy, directory, lists);
      const state = await askUnit(host, owner.unit);
      if (later.length === 0) requireUnitAt(hierarchy, owner, state);
      const steps: Step[] = [];
      const warnings: string[] = [];
      for (const property of PROPERTY_NAMES) {
        const asked = lists[PROPERTIES[property]];
        if (asked === undefined) continue;
        steps.push(...propertyStep(host, owner, property, asked, state));
        for (const path of strongerDropIns(host, owner.unit, property, state)) {
          warnings.push(`${path} sets ${property} too, which counts from the next daemon-reload on`);
        }
      }
      return { steps, notes: [...notes, ...later, ...warnings] };
    },

    async remove(name, context) {
      const directory = directoryOf(name);
      requireCpuset(host, hierarchy, directory);
      const owner = requireUnit(directory);
      const state = await askUnit(host, owner.unit);
      if (!isSlice(owner.unit) || !isOurs(directory, state)) {
        throw new VfioIsolateError('ERR_STATE', `${owner.unit} was not made by vfio-isolate`, {
          remedy: `stop it with all that runs in it: systemctl stop ${owner.unit}`,
        });
      }
      const leaf = `${directory}/${LEAF}`;
      const [other] = childrenOf(host, directory).filter((child) => child !== leaf);
      if (other !== undefined) {
        throw new VfioIsolateError('ERR_STATE', `${owner.unit} still holds ${nameOf(other)}, which would end with it`, {
          remedy: 'end that first',
        });
      }
      const loss = otherSetting(host, directory);
      if (loss !== undefined && !context.force) {
        throw new VfioIsolateError('ERR_STATE', `${owner.unit} has ${loss}, which an undo could not bring back`, {
          remedy: 'delete it all the same with --force',
        });
      }
      const hasLeaf = cpusetExists(host, leaf);
      if (hasLeaf) requireRemovable(host, hierarchy, leaf, context.force);
      const held = (property: Property) => readProperty(host, owner.unit, property, state).list;
      const [cpus, mems] = [held('AllowedCPUs'), held('AllowedMemoryNodes')];
      const slice: SliceStep = { kind: 'slice', target: owner.unit, from: { cpus, mems }, to: null };
      const tasks = hasLeaf ? await leaving(leaf, parentOf(directory), context) : [];
      const inner: Step[] = hasLeaf ? [{ kind: 'cgroup', target: leaf, from: {}, to: null }] : [];
      return { steps: [...tasks, ...inner, slice], unmakes: directory };
    },

    move(fromName, toName, { force }) {
      const [from, to] = [directoryOf(fromName), directoryOf(toName)];
      if (from === to) throw new UsageError(`${nameOf(from)} is both source and destination`);
      const source = requireSource(from, force);
      const destination = requireDestination(to, force);
      if (source === destination.to) throw new UsageError(`${nameOf(source)} is both source and destination`);
      for (const directory of [source, to]) requireDomain(host, hierarchy, directory);
      const atRoot = source === hierarchy.mountPoint;
      return {
        steps: [...destination.steps, moveStep(source, destination.to)],
        notes: atRoot ? ['what runs on this host is in units, not in the root: cpuset-modify narrows those'] : [],
      };
    },
  };
}

/** A dash in the name of a slice stands for a slice above it (systemd.slice(5)). */
function requireSliceName(name: string, path: string, unit: string): void {
  if (SLICE.test(unit) && slicePath(unit) === path) return;
  const suggestion = SLICE.test(unit) ? slicePath(unit) : '/guest.slice';
  throw new UsageError(`${name} cannot be created: on this host systemd owns the cgroups`, {
    remedy: `name a slice of letters, digits and _: ${suggestion}`,
  });
}

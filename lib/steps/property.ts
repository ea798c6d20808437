/**
 * A step that sets AllowedCPUs or AllowedMemoryNodes of a unit of systemd, until the next boot. Taking one back needs
 * care: a cpuset that holds tasks cannot be emptied (ENOSPC), and where the controller goes away instead, the kernel looks
 * at one task to tell whether any needs a new mask (cpuset_attach). So the unit is widened first to what the cgroup above
 * it has, which gives every task its full mask, and only then cleared.
 */
import * as v from 'valibot';
import { VfioIsolateError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';
import { tasksWithMask } from '../kernel/affinity.js';
import { cpusetExists } from '../kernel/cpuset.js';
import { effectiveList, inheritedList, requireEffective } from '../kernel/cpuset-v2.js';
import { locate } from '../kernel/door.js';
import type { List } from '../kernel/effective.js';
import { findCpusets } from '../kernel/mounts.js';
import {
  askUnit,
  dropIns,
  PROPERTIES,
  type Property,
  type PropertyValue,
  plannedText,
  readProperty,
  removeDropIn,
  setProperty,
  type UnitState,
} from '../kernel/systemd/properties.js';
import { type Owner, ownerOf } from '../kernel/systemd/units.js';
import { threadsBelow } from '../kernel/tasks.js';
import { readTopology } from '../kernel/topology.js';
import { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { keepingMasks, masksDetail } from './masks.js';
import { memoryStays } from './memory-stays.js';
import { until } from './patience.js';
import { previewList } from './preview-list.js';
import type { Outcome, Step, StepKind, Undo } from './step.js';

/** Its target is the directory of the unit's cgroup, a blank, and the property. */
export type PropertyStep = Step<'property', PropertyValue>;

const value = v.object({ list: v.string(), dropIn: v.boolean() });
const shape = v.object({ kind: v.literal('property'), target: v.string(), from: value, to: value });

/** The step from what a property of a unit is set to, to a list, or none where it is set to that already. */
export function propertyStep(
  host: Host,
  { unit, directory }: Owner,
  property: Property,
  list: string,
  state: UnitState | undefined,
): PropertyStep[] {
  const from = readProperty(host, unit, property, state);
  const held = readIfThere(host, `${directory}/cpuset.${PROPERTIES[property]}`);
  const isHeld = held === list || !host.live || state?.idle === true;
  if (from.list === list && isHeld) return [];
  return [{ kind: 'property', target: `${directory} ${property}`, from, to: { list, dropIn: true } }];
}

/** A property of a unit, and what it sets. */
interface Setting {
  readonly owner: Owner;
  readonly property: Property;
  readonly list: List;
  /** The file of the cgroup that has it. */
  readonly file: string;
}

/** @throws VfioIsolateError `ERR_STATE` for a target that is no property of a unit */
function settingOf(host: Host, target: string): Setting {
  const [, directory = '', name = ''] = /^(.+) ([A-Za-z]+)$/s.exec(target) ?? [];
  const owner = locate(host, directory).root === 'cgroup' ? ownerOf(findCpusets(host), directory) : undefined;
  if (owner?.directory === directory && isProperty(name)) {
    const list = PROPERTIES[name];
    return { owner, property: name, list, file: `${directory}/cpuset.${list}` };
  }
  throw new VfioIsolateError('ERR_STATE', `${target} is no property of a unit that this tool sets`);
}

const isProperty = (name: string): name is Property => Object.hasOwn(PROPERTIES, name);

export const propertyKind: StepKind<PropertyStep> = {
  kind: 'property',
  merges: 'target',

  validate(step, host) {
    const checked = v.parse(shape, step);
    settingOf(host, checked.target);
    for (const { list } of [checked.from, checked.to]) parseList(list, 'the record');
    return checked;
  },

  validateDetail: (detail) => v.parse(masksDetail, detail),

  async apply({ target, to }, context) {
    const setting = settingOf(context.host, target);
    const { host } = context;
    return keepingMasks(context, { below: setting.owner.directory, births: true }, async () => {
      const outcome = await (to.list === '' ? clear(host, setting) : set(host, setting, to.list));
      if (!to.dropIn) removeDropIn(host, setting.owner.unit, setting.property);
      return outcome;
    });
  },

  async undo(entry, host, { force }): Promise<Undo> {
    const { target, from: first, to: last } = entry.step;
    const setting = settingOf(host, target);
    const { unit } = setting.owner;
    const state = await askUnit(host, unit);
    const present = readProperty(host, unit, setting.property, state);
    const ended = state?.loaded === false && !present.dropIn && !cpusetExists(host, setting.owner.directory);
    if (ended) return { steps: [], notes: [`${unit} has ended`] };
    const seen = entry.parts.flatMap(({ step }) => [step.from.list, step.to.list]);
    const ours = seen.includes(present.list) || (seen.includes('') && isWidened(host, setting, present.list));
    if (!ours && !force) {
      const was = shown(first.list);
      return {
        steps: [],
        changed: [`${setting.property} of ${unit} is ${shown(present.list)}, set by somebody else; was ${was}`],
      };
    }
    const stale = await hasStaleTasks(host, setting, last.list);
    if (present.list === first.list && present.dropIn === first.dropIn && !stale) return { steps: [] };
    // Only a mask that differs from the one that the cgroup has makes the kernel look at its tasks again.
    const again: PropertyStep[] = stale ? [{ kind: 'property', target, from: present, to: last }] : [];
    return { steps: [...again, { kind: 'property', target, from: stale ? last : present, to: first }] };
  },

  remains({ step: { target, from, to } }, host) {
    const { file, list, owner } = settingOf(host, target);
    if (list === 'mems') return [memoryStays(owner.unit, to.list)];
    const held = readIfThere(host, file);
    if (from.list !== '' || held === undefined || held === '') return [];
    return [`${file} keeps ${held}, all that it had, until nothing else uses the cpuset controller`];
  },

  depth: ({ target }) => target.split('/').length,

  within: ({ target }) => target.slice(target.lastIndexOf('/') + 1, target.lastIndexOf(' ')),

  describe({ target, from, to }) {
    const name = target.slice(target.lastIndexOf('/') + 1);
    return `${name}: ${shown(from.list)} -> ${shown(to.list)}`;
  },

  preview({ target, to }, overlay) {
    const { owner, property, list } = settingOf(overlay, target);
    const text = plannedText({ [property]: to.list });
    for (const path of dropIns(overlay, owner.unit, property)) overlay.write(path, text);
    previewList(overlay, owner.directory, list, to.list);
  },
};

const shown = (list: string) => (list === '' ? '(unset)' : list);

async function set(host: Host, { owner, property, list, file }: Setting, wanted: string): Promise<Outcome> {
  await setProperty(host, owner.unit, property, parseList(wanted));
  // systemd may make the cgroup of a unit that does not run, but gives it no list before it does.
  if (!cpusetExists(host, owner.directory) || (await askUnit(host, owner.unit))?.idle) return { changed: 1 };
  await until(
    host,
    () => readIfThere(host, file) === wanted,
    () => `${owner.unit} was given ${property}=${wanted}, but ${file} holds ${readIfThere(host, file) ?? 'nothing'}`,
  );
  requireEffective(host, findCpusets(host), owner.directory, list);
  return { changed: 1 };
}

async function clear(host: Host, setting: Setting): Promise<Outcome> {
  const { owner, property, list, file } = setting;
  const hierarchy = findCpusets(host);
  if (readIfThere(host, file) !== undefined) {
    await set(host, setting, inheritedList(host, hierarchy, owner.directory, list).toString());
  }
  if ((await askUnit(host, owner.unit))?.loaded === false) return { changed: 1, notes: [`${owner.unit} has ended`] };
  await setProperty(host, owner.unit, property, Bitmap.empty);
  // systemd writes to the kernel before it takes the next call: once that is answered, it has done so.
  const state = await askUnit(host, owner.unit);
  const { list: left } = readProperty(host, owner.unit, property, state);
  // It may be removed by systemd alone, which thinks of it as there.
  const isKept = state?.idle === true && cpusetExists(host, owner.directory);
  const notes = isKept ? [`systemd keeps an empty cgroup of ${owner.unit}, which does not run`] : [];
  if (left === '') return { changed: 1, notes };
  throw new VfioIsolateError('ERR_NOT_HELD', `${property} of ${owner.unit} was cleared, but is ${left}`, {
    remedy: `see systemctl show ${owner.unit} and its drop-in files`,
  });
}

/** What a run or restore that was stopped between widening and clearing has left. */
function isWidened(host: Host, { owner, list }: Setting, present: string): boolean {
  return inheritedList(host, findCpusets(host), owner.directory, list).equals(parseList(present));
}

/** Whether tasks below still have the list that we gave, though their cgroup has more: somebody took it back carelessly. */
async function hasStaleTasks(host: Host, { owner, list }: Setting, given: string): Promise<boolean> {
  if (list === 'mems' || !cpusetExists(host, owner.directory)) return false;
  const effective = effectiveList(host, findCpusets(host), owner.directory, 'cpus');
  if (effective.isSubsetOf(parseList(given))) return false;
  const online = parseList(given).intersect(readTopology(host).online);
  return (await tasksWithMask(host, threadsBelow(host, owner.directory), online)).length > 0;
}

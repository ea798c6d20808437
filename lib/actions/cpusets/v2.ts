/** The cpuset commands on cgroup v2 where nobody else minds the cgroups: their files are written. */
import { UsageError, VfioIsolateError } from '../../errors.js';
import { type Host, readIfThere } from '../../host.js';
import {
  cpusetDirectory,
  cpusetName,
  parentOf,
  readSettings,
  requireAbsent,
  requireCpuset,
} from '../../kernel/cpuset.js';
import { handsOn } from '../../kernel/cpuset-v2.js';
import type { CpusetHierarchy } from '../../kernel/mounts.js';
import { countTasks } from '../../kernel/tasks.js';
import { controllerStep } from '../../steps/controller.js';
import type { Step } from '../../steps/step.js';
import { moveStep } from '../../steps/tasks.js';
import type { CpusetCommands } from './commands.js';
import { requireRemovable } from './deletion.js';
import { leaving } from './leaving.js';
import { type AskedLists, askedLists } from './options.js';
import { requireDomain, requireFits, requireRoom } from './v2-rules.js';

export function v2Cpusets(host: Host, hierarchy: CpusetHierarchy): CpusetCommands {
  const directoryOf = (name: string) => cpusetDirectory(hierarchy, name);
  const nameOf = (directory: string) => cpusetName(hierarchy, directory);

  return {
    create(name, parameters) {
      const target = directoryOf(name);
      const { lists, notes } = askedLists(host, parameters);
      requireAbsent(host, hierarchy, target);
      const parent = parentOf(target);
      requireCpuset(host, hierarchy, parent);
      requireDomain(host, hierarchy, parent);
      requireFits(host, hierarchy, target, lists);
      return {
        steps: [
          ...enabling(host, hierarchy, parent, lists),
          { kind: 'cgroup', target, from: null, to: filesOf(lists) },
        ],
        notes,
      };
    },

    modify(name, parameters) {
      const directory = directoryOf(name);
      if (directory === hierarchy.mountPoint)
        throw new VfioIsolateError('ERR_STATE', 'the root cpuset cannot be changed');
      const { lists, notes } = askedLists(host, parameters);
      requireCpuset(host, hierarchy, directory);
      requireFits(host, hierarchy, directory, lists);
      const writes = Object.entries(filesOf(lists)).flatMap(([file, to]): Step[] => {
        const target = `${directory}/${file}`;
        // absent as long as the controller is not handed on to it
        const from = readIfThere(host, target) ?? '';
        return from === to ? [] : [{ kind: 'file', target, from, to }];
      });
      return { steps: [...enabling(host, hierarchy, parentOf(directory), lists), ...writes], notes };
    },

    async remove(name, context) {
      const directory = directoryOf(name);
      requireRemovable(host, hierarchy, directory, context.force);
      const tasks = await leaving(directory, parentOf(directory), context);
      return {
        steps: [
          ...tasks,
          { kind: 'cgroup', target: directory, from: readSettings(host, hierarchy, directory), to: null },
        ],
        unmakes: directory,
      };
    },

    move(fromName, toName) {
      const from = directoryOf(fromName);
      const to = directoryOf(toName);
      if (from === to) throw new UsageError(`${nameOf(from)} is both source and destination`);
      for (const directory of [from, to]) {
        requireCpuset(host, hierarchy, directory);
        requireDomain(host, hierarchy, directory);
      }
      requireRoom(host, hierarchy, to);
      return { steps: [moveStep(from, to)] };
    },
  };
}

const filesOf = (lists: AskedLists): Record<string, string> =>
  Object.fromEntries(Object.entries(lists).map(([list, text]) => [`cpuset.${list}`, text]));

/**
 * The steps that give the cgroups below one their cpuset files: every cgroup from the root down to it hands the controller
 * on, the one above first.
 */
function enabling(host: Host, hierarchy: CpusetHierarchy, directory: string, lists: AskedLists): Step[] {
  if (Object.keys(lists).length === 0) return [];
  const above = directory === hierarchy.mountPoint ? [] : enabling(host, hierarchy, parentOf(directory), lists);
  if (handsOn(host, directory)) return above;
  requireDomain(host, hierarchy, directory);
  if (directory !== hierarchy.mountPoint && countTasks(host, directory) > 0) {
    throw new VfioIsolateError(
      'ERR_STATE',
      `${cpusetName(hierarchy, directory)} holds tasks itself: it cannot hand the cpuset controller on`,
      { remedy: 'move them to a cgroup below it first' },
    );
  }
  return [...above, controllerStep(directory)];
}

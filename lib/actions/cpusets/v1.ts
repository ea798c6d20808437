/** The cpuset commands on cgroup v1, where nobody but us minds the cpusets. */
import { UsageError, VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import {
  cpusetDirectory,
  cpusetName,
  parentOf,
  requireAbsent,
  requireCpuset,
  SETTINGS,
  type Setting,
  settingFile,
} from '../../kernel/cpuset.js';
import type { CpusetHierarchy } from '../../kernel/mounts.js';
import { countTasks } from '../../kernel/tasks.js';
import { parseList } from '../../sets/list.js';
import { removal } from '../../steps/cgroup.js';
import { fileStep } from '../../steps/file/file.js';
import { homewardSteps, moveStep } from '../../steps/tasks.js';
import type { CpusetCommands } from './commands.js';
import { requireRemovable } from './deletion.js';
import { asked } from './options.js';

export function v1Cpusets(host: Host, hierarchy: CpusetHierarchy): CpusetCommands {
  const directoryOf = (name: string) => cpusetDirectory(hierarchy, name);
  const nameOf = (directory: string) => cpusetName(hierarchy, directory);
  const fileOf = (directory: string, setting: Setting) => settingFile(hierarchy, directory, setting);

  /** A cpuset has no CPU and no node that its parent has not (EACCES). */
  function requireWithin(parent: string, directory: string, settings: ReadonlyMap<Setting, string>): void {
    for (const list of ['cpus', 'mems'] as const) {
      const asked = settings.get(list);
      if (asked === undefined) continue;
      const file = fileOf(parent, list);
      const above = parseList(host.read(file), file);
      const beyond = parseList(asked).minus(above);
      if (beyond.isEmpty) continue;
      throw new VfioIsolateError('ERR_STATE', `${nameOf(directory)} cannot have ${list} ${beyond}`, {
        remedy: `the cpuset above it has only ${above}: widen that first, or choose among them`,
      });
    }
  }

  return {
    create(name, parameters) {
      const target = directoryOf(name);
      const settings = asked(host, parameters);
      requireAbsent(host, hierarchy, target);
      const parent = parentOf(target);
      requireCpuset(host, hierarchy, parent);
      // No task may enter a v1 cpuset while its cpus or mems are empty (ENOSPC).
      for (const inherited of ['cpus', 'mems'] as const) {
        if (settings.has(inherited)) continue;
        const file = fileOf(parent, inherited);
        settings.set(inherited, parseList(host.read(file), file).toString());
      }
      requireWithin(parent, target, settings);
      const to = SETTINGS.filter((setting) => settings.has(setting)).map(
        (setting) => [`${hierarchy.prefix}${setting}`, settings.get(setting) ?? ''] as const,
      );
      return { steps: [{ kind: 'cgroup', target, from: null, to: Object.fromEntries(to) }] };
    },

    modify(name, parameters) {
      const directory = directoryOf(name);
      const settings = asked(host, parameters);
      requireCpuset(host, hierarchy, directory);
      if (directory !== hierarchy.mountPoint) requireWithin(parentOf(directory), directory, settings);
      return {
        steps: inOrder(settings).flatMap(([setting, value]) => fileStep(host, fileOf(directory, setting), value)),
      };
    },

    async remove(name, { force, recorded }) {
      const directory = directoryOf(name);
      requireRemovable(host, hierarchy, directory, force);
      const home = await homewardSteps(host, recorded(), directory, countTasks(host, directory));
      return { steps: [...home.steps, ...removal(host, directory)], unmakes: directory };
    },

    move(fromName, toName) {
      const from = directoryOf(fromName);
      const to = directoryOf(toName);
      if (from === to) throw new UsageError(`${nameOf(from)} is both source and destination`);
      requireCpuset(host, hierarchy, from);
      requireCpuset(host, hierarchy, to);
      for (const setting of ['cpus', 'mems'] as const) {
        if (host.read(fileOf(to, setting)).trim() !== '') continue;
        throw new VfioIsolateError('ERR_STATE', `${nameOf(to)} has no ${setting}: no task can enter it`, {
          remedy: `give it some: cpuset-modify --${setting} ...`,
        });
      }
      return { steps: [moveStep(from, to)] };
    },
  };
}

/**
 * Exclusiveness is given up before the lists change and taken up after, so that no list in between overlaps a sibling.
 * Migration is switched on before the nodes change, so that this very change takes the memory along.
 */
function inOrder(settings: ReadonlyMap<Setting, string>): [Setting, string][] {
  return [...settings].sort(([a, x], [b, y]) => rank(a, x) - rank(b, y));
}

function rank(setting: Setting, value: string): number {
  if (setting === 'cpus' || setting === 'mems') return 1;
  const first = setting === 'memory_migrate' ? '1' : '0';
  return value === first ? 0 : 2;
}

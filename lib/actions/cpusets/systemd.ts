/**
 * The cpuset commands on cgroup v2 with systemd, which owns the tree: a cpuset is a transient slice, and its tasks sit
 * in a leaf below it, since a slice that itself holds tasks keeps units from starting in it.
 */
import { UsageError, VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { cpusetDirectory, cpusetExists, cpusetName, requireCpuset } from '../../kernel/cpuset.js';
import type { CpusetHierarchy } from '../../kernel/mounts.js';
import type { Step } from '../../steps/step.js';
import { moveStep } from '../../steps/tasks.js';
import type { CpusetCommands } from './commands.js';
import { asked } from './options.js';

const LEAF = 'tasks';
/** A dash would put the slice below another one (systemd.slice(5)). */
const OWN_SLICE = /^\/[A-Za-z0-9_]{1,200}\.slice$/;

export function systemdCpusets(host: Host, hierarchy: CpusetHierarchy): CpusetCommands {
  const directoryOf = (name: string) => cpusetDirectory(hierarchy, name);
  const nameOf = (directory: string) => cpusetName(hierarchy, directory);

  function leafOf(name: string): string {
    const directory = directoryOf(name);
    requireCpuset(host, hierarchy, directory);
    const leaf = `${directory}/${LEAF}`;
    if (!cpusetExists(host, leaf)) throw unsupported(`tasks of ${nameOf(directory)}, which vfio-isolate did not make,`);
    return leaf;
  }

  return {
    create(name, parameters): Step[] {
      const directory = directoryOf(name);
      if (!OWN_SLICE.test(nameOf(directory))) {
        throw new UsageError(`${name} cannot be created: on this host systemd owns the cgroups`, {
          remedy: 'name a slice at the top, of letters, digits and _: /guest.slice',
        });
      }
      const { cpus = '', mems = '', ...flags } = Object.fromEntries(asked(host, parameters));
      const [flag] = Object.keys(flags);
      if (flag !== undefined) throw unsupported(`the flag ${flag}`);
      if (cpusetExists(host, directory)) {
        throw new VfioIsolateError('ERR_STATE', `there is a cgroup ${nameOf(directory)} already`);
      }
      return [
        { kind: 'slice', target: nameOf(directory).slice(1), from: null, to: { cpus, mems } },
        { kind: 'cgroup', target: `${directory}/${LEAF}`, from: null, to: {} },
      ];
    },

    modify() {
      throw unsupported('changing a unit');
    },

    remove() {
      throw unsupported('deleting a slice');
    },

    move(from, to) {
      if (directoryOf(from) === directoryOf(to)) throw new UsageError(`${from} is both source and destination`);
      return [moveStep(leafOf(from), leafOf(to))];
    },
  };
}

function unsupported(what: string): VfioIsolateError {
  return new VfioIsolateError('ERR_UNSUPPORTED', `${what} is not supported yet on cgroup v2 with systemd`, {
    remedy: 'this version makes slices of its own there and moves tasks between them; all else works on cgroup v1',
  });
}

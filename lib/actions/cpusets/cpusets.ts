/** The cpuset commands mean the same on every host; how they are done depends on who owns its cgroups. */
import { VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { type CpusetHierarchy, findCpusets } from '../../kernel/mounts.js';
import { systemdIsRunning } from '../../kernel/systemd.js';
import type { CpusetCommands } from './commands.js';
import { systemdCpusets } from './systemd.js';
import { v1Cpusets } from './v1.js';

/** @throws VfioIsolateError `ERR_UNSUPPORTED` */
export function cpusetsOf(host: Host): CpusetCommands {
  const hierarchy = findCpusets(host);
  if (hierarchy.version === 1) return v1Cpusets(host, hierarchy);
  if (systemdIsRunning(host)) return systemdCpusets(host, hierarchy);
  throw unsupported(hierarchy);
}

function unsupported({ mountPoint }: CpusetHierarchy): VfioIsolateError {
  return new VfioIsolateError('ERR_UNSUPPORTED', `the cpusets at ${mountPoint} are cgroup v2 without systemd`, {
    remedy: 'this version works on cgroup v1, and on slices of its own on cgroup v2 with systemd',
  });
}

/** The cpuset commands mean the same on every host; how they are done depends on who owns its cgroups. */
import type { Host } from '../../host.js';
import { findCpusets } from '../../kernel/mounts.js';
import { systemdIsRunning } from '../../kernel/systemd/bus.js';
import type { CpusetCommands } from './commands.js';
import { systemdCpusets } from './systemd.js';
import { v1Cpusets } from './v1.js';
import { v2Cpusets } from './v2.js';

/** @throws VfioIsolateError `ERR_UNSUPPORTED` */
export function cpusetsOf(host: Host): CpusetCommands {
  const hierarchy = findCpusets(host);
  if (hierarchy.version === 1) return v1Cpusets(host, hierarchy);
  return systemdIsRunning(host) ? systemdCpusets(host, hierarchy) : v2Cpusets(host, hierarchy);
}

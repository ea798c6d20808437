/**
 * With isolcpus= most tasks have a mask that the kernel gave them, and which it forgets with any change of their cpuset. A
 * change that would take nothing but such CPUs away, which nothing in the cpuset has, is best not made at all.
 */
import type { Host } from '../../host.js';
import { masksOf, threadsWithin } from '../../kernel/affinity.js';
import { cpusetDirectory, cpusetExists } from '../../kernel/cpuset.js';
import { effectiveLists } from '../../kernel/effective.js';
import { findCpusets } from '../../kernel/mounts.js';
import { isolatedAtBoot, readTopology, resolveCpus } from '../../kernel/topology.js';
import type { Bitmap } from '../../sets/bitmap.js';
import { optionalText } from '../parameters.js';
import type { Parameters } from '../spec.js';

/**
 * The CPUs that a cpuset would lose, if all of them are isolated at boot and no task in it may run on any. Not of one that
 * holds no tasks: what comes to it could have them all.
 * @throws UsageError for words that mean no cpuset, or no CPUs of this host
 */
export async function cpusNobodyUses(host: Host, name: string, parameters: Parameters): Promise<Bitmap | undefined> {
  const isolated = isolatedAtBoot(host);
  const asked = optionalText(parameters, 'cpus');
  if (asked === undefined || isolated.isEmpty) return undefined;
  const hierarchy = findCpusets(host);
  const directory = cpusetDirectory(hierarchy, name);
  if (directory === hierarchy.mountPoint || !cpusetExists(host, directory)) return undefined;
  const present = effectiveLists(host, hierarchy, 'cpus')(directory);
  const wanted = resolveCpus(asked, readTopology(host));
  const lost = present.minus(wanted);
  if (lost.isEmpty || !lost.isSubsetOf(isolated) || !wanted.isSubsetOf(present)) return undefined;
  const masks = await masksOf(host, threadsWithin(host, directory));
  const found = masks.filter((mask) => mask !== undefined);
  return found.length > 0 && !found.some((mask) => mask.overlaps(lost)) ? lost : undefined;
}

/** The options that cpuset-create and cpuset-modify share, and what they ask for on this host. */
import { UsageError } from '../../errors.js';
import type { Host } from '../../host.js';
import { FLAGS, type Setting } from '../../kernel/cpuset.js';
import { readTopology, resolveCpus, resolveNodes } from '../../kernel/topology.js';
import { optionalFlag, optionalText } from '../parameters.js';
import type { OptionSpec, Parameters } from '../spec.js';

export const CPUSET_OPTIONS: readonly OptionSpec[] = [
  { name: 'cpus', help: 'CPUs that its tasks may run on', value: { name: 'cpu-set', type: 'cpus' } },
  {
    name: 'mems',
    help: 'NUMA nodes that its tasks may take memory from',
    value: { name: 'numa-nodes', type: 'nodes' },
  },
  { name: 'cpu-exclusive', short: 'ce', help: 'no sibling may use its CPUs (cgroup v1)' },
  { name: 'mem-exclusive', short: 'me', help: 'no sibling may use its memory nodes (cgroup v1)' },
  { name: 'mem-migrate', short: 'mm', help: 'memory moves along when nodes change or tasks enter (cgroup v1)' },
  { name: 'sched-load-balance', short: 'lb', help: 'the scheduler balances load between its CPUs (cgroup v1)' },
];

/** The parameter that stands for each flag. */
const PARAMETER: Record<(typeof FLAGS)[number], string> = {
  cpu_exclusive: 'cpuExclusive',
  mem_exclusive: 'memExclusive',
  memory_migrate: 'memMigrate',
  sched_load_balance: 'schedLoadBalance',
};

/** What the options ask for, as the kernel's files take it. */
export function asked(host: Host, parameters: Parameters): Map<Setting, string> {
  const settings = new Map<Setting, string>();
  const cpus = optionalText(parameters, 'cpus');
  const mems = optionalText(parameters, 'mems');
  if (cpus !== undefined) settings.set('cpus', onlineCpus(host, cpus));
  if (mems !== undefined) settings.set('mems', resolveNodes(mems, readTopology(host)).toString());
  for (const flag of FLAGS) {
    const wanted = optionalFlag(parameters, PARAMETER[flag]);
    if (wanted !== undefined) settings.set(flag, wanted ? '1' : '0');
  }
  return settings;
}

/** A v1 cpuset takes no offline CPU (EINVAL), and drops one that goes offline for good. */
function onlineCpus(host: Host, token: string): string {
  const topology = readTopology(host);
  const cpus = resolveCpus(token, topology);
  const offline = cpus.minus(topology.online);
  if (offline.isEmpty) return cpus.toString();
  throw new UsageError(`${token}: CPU ${offline} is offline, and a cpuset of cgroup v1 takes only online ones`, {
    remedy: `bring it online, or name some of ${topology.online}`,
  });
}

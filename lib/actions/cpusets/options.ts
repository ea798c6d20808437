/** The options that cpuset-create and cpuset-modify share, and what they ask for on this host. */
import { UsageError, VfioIsolateError } from '../../errors.js';
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

/** Lists as the kernel's files take them. */
export interface AskedLists {
  readonly cpus?: string;
  readonly mems?: string;
}

/**
 * What the options ask for on cgroup v2, which has lists alone.
 * @throws VfioIsolateError `ERR_UNSUPPORTED` for the flags of v1, naming what v2 has instead
 */
export function askedLists(host: Host, parameters: Parameters): { lists: AskedLists; notes: readonly string[] } {
  const cpus = optionalText(parameters, 'cpus');
  const mems = optionalText(parameters, 'mems');
  const migrates = optionalFlag(parameters, PARAMETER.memory_migrate) === true;
  for (const flag of FLAGS) {
    if (optionalFlag(parameters, PARAMETER[flag]) === undefined || (flag === 'memory_migrate' && migrates)) continue;
    throw new VfioIsolateError('ERR_UNSUPPORTED', `there is no ${flag} on cgroup v2`, { remedy: INSTEAD[flag] });
  }
  const topology = readTopology(host);
  const lists = {
    // an offline CPU may be named: it is used as soon as it is there
    ...(cpus !== undefined && { cpus: resolveCpus(cpus, topology).toString() }),
    ...(mems !== undefined && { mems: resolveNodes(mems, topology).toString() }),
  };
  return { lists, notes: migrates ? ['memory always moves along on cgroup v2: -mm changes nothing'] : [] };
}

const INSTEAD: Record<(typeof FLAGS)[number], string> = {
  cpu_exclusive: 'CPUs are made exclusive by a partition there: cpuset.cpus.partition, cgroup-v2.rst',
  mem_exclusive: 'give each cpuset its own --mems there',
  memory_migrate: 'memory always moves along there: leave the flag out',
  sched_load_balance: 'an isolated partition is what goes without load balancing there: cpuset.cpus.partition',
};

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

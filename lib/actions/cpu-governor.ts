import { VfioIsolateError } from '../errors.js';
import { type Policy, readPolicies } from '../kernel/cpufreq.js';
import { readTopology, resolveCpus } from '../kernel/topology.js';
import type { Bitmap } from '../sets/bitmap.js';
import { fileStep } from '../steps/file/file.js';
import type { FileStep } from '../steps/file/shape.js';
import { optionalText, text } from './parameters.js';
import type { Action } from './spec.js';

export const cpuGovernor: Action = {
  spec: {
    name: 'cpu-governor',
    summary: 'set the CPU governor for the given CPUs',
    description: [
      'Sets the cpufreq governor of every frequency policy that one of the CPUs belongs to; without CPUs, of all. Without ' +
        'CPUs a host that has no cpufreq driver is left as it is, which is a note; with CPUs it is an error.',
    ],
    arguments: [
      { name: 'governor', help: 'one that the host has: performance, schedutil, ...', type: 'governor' },
      { name: 'cpu-set', help: 'the CPUs; all unless given', type: 'cpus', optional: true },
    ],
    options: [],
    examples: [
      {
        line: 'vfio-isolate -u /tmp/undo_gov cpu-governor performance C2-5,8-11',
        effect: 'CPUs 2-5 and 8-11 run at full speed',
      },
    ],
  },

  plan(parameters, { host }) {
    const governor = text(parameters, 'governor');
    const token = optionalText(parameters, 'cpuSet');
    const topology = readTopology(host);
    const cpus = token === undefined ? topology.online : resolveCpus(token, topology);
    const online = cpus.intersect(topology.online);
    if (online.isEmpty) {
      throw new VfioIsolateError('ERR_STATE', `CPUs ${cpus} are offline, and have no governor`, {
        remedy: `bring them online, or name some of ${topology.online}`,
      });
    }
    const policies = readPolicies(host).filter((policy) => policy.cpus.overlaps(online));
    // The original's hook names no CPUs, and has to start its guest on any host.
    if (policies.length === 0 && token === undefined) {
      return { steps: [], notes: ['no cpufreq driver is loaded: no CPU has a governor to be set'] };
    }
    if (policies.length === 0) {
      throw new VfioIsolateError('ERR_UNSUPPORTED', `no cpufreq driver governs CPUs ${online}`, {
        remedy: 'a virtual machine and some firmware settings have none: leave cpu-governor out',
      });
    }
    for (const policy of policies) requireAvailable(policy, governor);
    return {
      steps: policies.flatMap((policy) => [
        ...preferenceSteps(policy, governor),
        ...fileStep(host, policy.path, governor),
      ]),
      notes: [...withoutGovernor(cpus, online, policies), ...beyond(cpus, policies)],
    };
  },
};

/**
 * The governor "performance" sets the preference likewise, and amd-pstate leaves it so when the governor goes. What is
 * set before the governor is given back after it, when the driver takes it again.
 */
function preferenceSteps({ governor: present, preference }: Policy, governor: string): FileStep[] {
  if (governor !== 'performance' || present === governor) return [];
  if (preference === undefined || preference.value === governor) return [];
  return [{ kind: 'file', target: preference.path, from: preference.value, to: governor }];
}

/** Of the CPUs that were asked for, those that nothing was set for. */
function withoutGovernor(cpus: Bitmap, online: Bitmap, policies: readonly Policy[]): string[] {
  const offline = cpus.minus(online);
  const bare = policies.reduce((rest, policy) => rest.minus(policy.cpus), online);
  return [
    ...(offline.isEmpty ? [] : [`CPUs ${offline} are offline, and have no governor`]),
    ...(bare.isEmpty ? [] : [`no cpufreq driver governs CPUs ${bare}`]),
  ];
}

function beyond(cpus: Bitmap, policies: readonly Policy[]): string[] {
  const wider = policies.filter((policy) => !policy.cpus.isSubsetOf(cpus));
  return wider.map((policy) => `${policy.name} governs CPUs ${policy.cpus} together`);
}

function requireAvailable({ name, available }: Policy, governor: string): void {
  if (available.includes(governor)) return;
  throw new VfioIsolateError('ERR_UNSUPPORTED', `${name} has no governor ${JSON.stringify(governor)}`, {
    remedy: available.length === 0 ? 'its driver lists none' : `it has ${available.join(', ')}`,
  });
}

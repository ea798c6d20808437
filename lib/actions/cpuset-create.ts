import { cpusetsOf } from './cpusets/cpusets.js';
import { CPUSET_OPTIONS } from './cpusets/options.js';
import { text } from './parameters.js';
import type { Action } from './spec.js';

export const cpusetCreate: Action = {
  spec: {
    name: 'cpuset-create',
    summary: 'create a cpuset',
    description: [
      'Creates a cpuset: a cgroup whose tasks may run only on its CPUs and take memory only from its NUMA nodes.',
      'CPUs and nodes that are not given are those of the cpuset above it.',
    ],
    arguments: [{ name: 'cpuset-name', help: 'path from the root of the cpusets: /host.slice', type: 'cpuset' }],
    options: CPUSET_OPTIONS,
    examples: [
      { line: 'vfio-isolate cpuset-create --cpus C0-1,6-7 /host.slice', effect: 'a cpuset for CPUs 0, 1, 6 and 7' },
      { line: 'vfio-isolate cpuset-create --cpus N0 --mems N0 -mm /host.slice', effect: 'a cpuset for NUMA node 0' },
    ],
  },

  plan: (parameters, { host }) => cpusetsOf(host).create(text(parameters, 'cpusetName'), parameters),
};

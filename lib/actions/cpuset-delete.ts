import { cpusetsOf } from './cpusets/cpusets.js';
import { text } from './parameters.js';
import type { Action } from './spec.js';

export const cpusetDelete: Action = {
  spec: {
    name: 'cpuset-delete',
    summary: 'delete a cpuset',
    description: [
      'Moves the tasks of a cpuset to the one above it, and deletes it. One with others below it is refused.',
    ],
    arguments: [{ name: 'cpuset-name', help: 'path from the root of the cpusets: /host.slice', type: 'cpuset' }],
    options: [],
    examples: [{ line: 'vfio-isolate cpuset-delete /host.slice', effect: 'its tasks run in the root cpuset again' }],
  },

  plan: (parameters, { host, force }) => ({
    steps: cpusetsOf(host).remove(text(parameters, 'cpusetName'), force),
  }),
};

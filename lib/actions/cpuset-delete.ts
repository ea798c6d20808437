import { cpusetsOf } from './cpusets/cpusets.js';
import { text } from './parameters.js';
import type { Action } from './spec.js';

export const cpusetDelete: Action = {
  spec: {
    name: 'cpuset-delete',
    summary: 'delete a cpuset',
    description: [
      'Moves the tasks of a cpuset away, and deletes it. Tasks go to where an undo record says that they came from; others ' +
        'to the cpuset above it on cgroup v1, and on v2 to the root if that is above it. If a record says that we made the ' +
        'cpuset, that is undone and marked so. One with others below it is refused.',
    ],
    arguments: [{ name: 'cpuset-name', help: 'path from the root of the cpusets: /host.slice', type: 'cpuset' }],
    options: [],
    examples: [{ line: 'vfio-isolate cpuset-delete /host.slice', effect: 'its tasks run in the root cpuset again' }],
  },

  plan: (parameters, context) => cpusetsOf(context.host).remove(text(parameters, 'cpusetName'), context),
};

import { cpusetsOf } from './cpusets/cpusets.js';
import { text } from './parameters.js';
import type { Action } from './spec.js';

export const moveTasks: Action = {
  spec: {
    name: 'move-tasks',
    summary: 'move tasks between cpusets',
    description: [
      'Moves every task of one cpuset to another, again and again until none is left behind that may move.',
      'Kernel threads that are bound to their CPUs cannot move, and kswapd and kcompactd, which would lose their NUMA ' +
        'node, are left where they are: they are counted, and listed with -v.',
    ],
    arguments: [
      { name: 'cpuset-from', help: 'where the tasks are: / for the root', type: 'cpuset' },
      { name: 'cpuset-to', help: 'where they go', type: 'cpuset' },
    ],
    options: [],
    examples: [
      {
        line: 'vfio-isolate cpuset-create --cpus C0-1,6-7 /host.slice move-tasks / /host.slice',
        effect: 'everything on the host keeps to CPUs 0, 1, 6 and 7',
      },
    ],
  },

  plan: (parameters, context) =>
    cpusetsOf(context.host).move(text(parameters, 'cpusetFrom'), text(parameters, 'cpusetTo'), context),
};

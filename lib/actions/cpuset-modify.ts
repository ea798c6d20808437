import { UsageError } from '../errors.js';
import { cpusetsOf } from './cpusets/cpusets.js';
import { cpusNobodyUses } from './cpusets/isolated.js';
import { CPUSET_OPTIONS } from './cpusets/options.js';
import { text } from './parameters.js';
import { type Action, parameterName } from './spec.js';

export const cpusetModify: Action = {
  spec: {
    name: 'cpuset-modify',
    summary: 'modify a cpuset',
    description: ['Changes what is given, and leaves the rest of the cpuset as it is.'],
    arguments: [{ name: 'cpuset-name', help: 'path from the root of the cpusets: /host.slice', type: 'cpuset' }],
    options: CPUSET_OPTIONS,
    examples: [
      {
        line: 'vfio-isolate cpuset-modify --cpus C0-6,16-22 /system.slice',
        effect: 'what runs in /system.slice keeps to these CPUs',
      },
    ],
  },

  async plan(parameters, { host }) {
    const name = text(parameters, 'cpusetName');
    if (CPUSET_OPTIONS.every((option) => parameters[parameterName(option.name)] === undefined)) {
      throw new UsageError(`nothing to modify of ${name}`, { remedy: 'say what: see cpuset-modify --help' });
    }
    const idle = await cpusNobodyUses(host, name, parameters);
    if (idle === undefined) return cpusetsOf(host).modify(name, parameters);
    const { cpus: _, ...others } = parameters;
    const plan = await cpusetsOf(host).modify(name, others);
    return { ...plan, notes: [...(plan.notes ?? []), `nothing in ${name} may run on CPUs ${idle}: left as it is`] };
  },
};

import { UsageError } from '../errors.js';
import { readDefaultAffinity, readInterrupts } from '../kernel/irq.js';
import { readTopology, resolveCpus, type Topology } from '../kernel/topology.js';
import type { Bitmap } from '../sets/bitmap.js';
import { fileStep } from '../steps/file.js';
import { text } from './parameters.js';
import type { Action } from './spec.js';

export const irqAffinity: Action = {
  spec: {
    name: 'irq-affinity',
    summary: 'manipulate the IRQ affinity',
    description: [
      'mask takes the CPUs out of the affinity of every interrupt, add puts them in. An interrupt that only they may ' +
        'handle goes to all other online CPUs. Interrupts requested later, as a VFIO device requests its own, follow.',
      'Interrupts whose affinity is fixed by their driver, or that belong to one CPU, refuse: they are counted, and ' +
        'listed with -v.',
    ],
    arguments: [
      { name: 'mode', help: 'mask or add', type: ['mask', 'add'] },
      { name: 'cpu-set', help: 'the CPUs', type: 'cpus' },
    ],
    options: [],
    examples: [
      {
        line: 'vfio-isolate -u /tmp/undo_irq irq-affinity mask C2-5,8-11',
        effect: 'no interrupt on CPUs 2-5 and 8-11',
      },
    ],
  },

  plan(parameters, { host }) {
    const topology = readTopology(host);
    const cpus = resolveCpus(text(parameters, 'cpuSet'), topology);
    const change = changeOf(text(parameters, 'mode'), cpus, topology);
    const steps = readInterrupts(host).flatMap(({ path, affinity }) =>
      fileStep(host, path, change(affinity).toString()),
    );
    const standard = readDefaultAffinity(host);
    const width = (topology.possible.last ?? 0) + 1;
    const later = standard ? fileStep(host, standard.path, change(standard.affinity).toMask(width)) : [];
    return {
      steps: [...steps, ...later],
      ...(steps.length > 0 &&
        later.length === 0 && { failIfAllRefused: 'every interrupt refused to change its affinity' }),
    };
  },
};

function changeOf(mode: string, cpus: Bitmap, { online }: Topology): (affinity: Bitmap) => Bitmap {
  if (mode === 'add') return (affinity) => affinity.union(cpus);
  if (mode !== 'mask') throw new UsageError(`irq-affinity takes mask or add, not ${JSON.stringify(mode)}`);
  const rest = online.minus(cpus);
  if (rest.isEmpty) {
    throw new UsageError('irq-affinity mask would leave no CPU to interrupts', {
      remedy: `leave some of the online CPUs ${online} out`,
    });
  }
  // The kernel takes no mask without an online CPU (EINVAL).
  return (affinity) => {
    const left = affinity.minus(cpus);
    return left.overlaps(online) ? left : rest;
  };
}

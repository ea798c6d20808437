import { UsageError, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { effectiveAffinity, type Interrupt, isFixed, readInterrupts } from '../kernel/irq.js';
import { type DefaultAffinity, readDefaultAffinity } from '../kernel/irq-default.js';
import { readTopology, resolveCpus, type Topology } from '../kernel/topology.js';
import type { Bitmap } from '../sets/bitmap.js';
import { fileStep } from '../steps/file/file.js';
import type { FileStep } from '../steps/file/shape.js';
import type { Outcome } from '../steps/step.js';
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
        'listed with -v. It fails where some had to move and none could.',
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
    const mode = text(parameters, 'mode');
    const topology = readTopology(host);
    const cpus = resolveCpus(text(parameters, 'cpuSet'), topology);
    const change = changeOf(mode, cpus, topology);
    const interrupts = readInterrupts(host);
    const steps = interrupts.flatMap(({ path, affinity }): FileStep[] => {
      const to = change(affinity);
      // Not read once more: it may be released at any time.
      return to.equals(affinity) ? [] : [{ kind: 'file', target: path, from: affinity.toString(), to: to.toString() }];
    });
    const standard = readDefaultAffinity(host);
    const later = standard ? defaultStep(host, standard, change, interrupts, topology) : [];
    const wasDone = standard !== undefined && later.length === 0 && steps.length < interrupts.length;
    return {
      steps: [...steps, ...later],
      conclude(outcomes) {
        requireSomeMoved(outcomes.slice(0, steps.length), wasDone);
        return mode === 'mask' ? laggards(host, cpus) : [];
      },
    };
  },
};

/** Interrupts that have no more than the new default, now or by this very run, are noted: a later one may have begun so. */
function defaultStep(
  host: Host,
  { path, affinity }: DefaultAffinity,
  change: Change,
  interrupts: readonly Interrupt[],
  topology: Topology,
): FileStep[] {
  const to = change(affinity);
  const known = interrupts.filter((one) => change(one.affinity).isSubsetOf(to)).map(({ number }) => number);
  return fileStep(host, path, maskOf(to, topology)).map((step) => ({ ...step, known }));
}

type Change = (affinity: Bitmap) => Bitmap;

/** As wide as the kernel prints one. */
function maskOf(affinity: Bitmap, { possible }: Topology): string {
  return affinity.toMask(Math.max(possible.last ?? 0, affinity.last ?? 0) + 1);
}

/**
 * @param wasDone whether the default affinity and some interrupt are as asked for already: an earlier run may have done
 *   it, and what is left to move be only what can never be moved
 * @throws VfioIsolateError `ERR_NOT_HELD`
 */
function requireSomeMoved(outcomes: readonly Outcome[], wasDone: boolean): void {
  const refusals = outcomes.flatMap(({ refused }) => refused ?? []);
  if (outcomes.length === 0 || refusals.length < outcomes.length) return;
  if (wasDone && refusals.every(({ code }) => isFixed(code))) return;
  throw new VfioIsolateError('ERR_NOT_HELD', `none of the ${outcomes.length} interrupts that had to move did`, {
    remedy: 'see with -v why each refused',
  });
}

/** An interrupt that may be moved only from its own handler goes on where it was until it fires the next time. */
function laggards(host: Host, cpus: Bitmap): string[] {
  const late = readInterrupts(host)
    .filter((interrupt) => !interrupt.affinity.overlaps(cpus) && effectiveAffinity(host, interrupt).overlaps(cpus))
    .map(({ number }) => number);
  if (late.length === 0) return [];
  const [subject, verb] = late.length === 1 ? ['interrupt', 'goes'] : ['interrupts', 'go'];
  return [`${subject} ${late.join(', ')} still ${verb} to CPUs ${cpus}, and may until firing the next time`];
}

function changeOf(mode: string, cpus: Bitmap, { online }: Topology): Change {
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

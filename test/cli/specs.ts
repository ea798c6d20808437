/** Specs for tests of the grammar alone: one command of each shape. */
import type { ActionSpec, ArgumentSpec, OptionSpec } from '../../lib/index.js';

function spec(name: string, args: readonly ArgumentSpec[], options: readonly OptionSpec[] = []): ActionSpec {
  return { name, summary: `does ${name}`, description: [], arguments: args, options, examples: [] };
}

const cpuset: ArgumentSpec = { name: 'cpuset-name', help: 'the cpuset', type: 'cpuset' };

export const create = spec(
  'create',
  [cpuset],
  [
    { name: 'cpus', help: 'its CPUs', value: { name: 'cpus', type: 'cpus' } },
    { name: 'mems', help: 'its nodes', value: { name: 'nodes', type: 'nodes' } },
    { name: 'mem-migrate', help: 'memory follows', short: 'mm' },
    { name: 'cpu-exclusive', help: 'CPUs are its own', short: 'ce' },
    { name: 'mode', help: 'a mode', value: { name: 'mode', type: ['root', 'isolated'] } },
  ],
);

export const move = spec('move', [
  { name: 'cpuset-from', help: 'where from', type: 'cpuset' },
  { name: 'cpuset-to', help: 'where to', type: 'cpuset' },
]);

export const drop = spec('drop', []);

export const governor = spec('governor', [
  { name: 'governor', help: 'the governor', type: 'governor' },
  { name: 'cpus', help: 'the CPUs', type: 'cpus', optional: true },
]);

export const irq = spec('irq', [
  { name: 'operation', help: 'what to do', type: ['mask', 'add'] },
  { name: 'cpus', help: 'the CPUs', type: 'cpus' },
]);

export const pin = spec(
  'pin',
  [
    { name: 'cpus', help: 'the CPUs', type: 'cpus' },
    { name: 'pids', help: 'the processes', type: 'pid', optional: true, variadic: true },
  ],
  [{ name: 'threads', help: 'with all threads' }],
);

export const restore = spec('restore', [{ name: 'undo-file', help: 'the record', type: 'file' }]);

export const specs: readonly ActionSpec[] = [create, move, drop, governor, irq, pin, restore];

/** What the help and the parser know of `vfio-isolate demo`, which is no action: it runs some, and shows their effect. */
import type { ActionSpec } from '../index.js';

export const demoSpec: ActionSpec = {
  name: 'demo',
  summary: 'isolate a busy process of its own, show it, and restore',
  description: ['Shows on which CPUs a process runs before, during and after its isolation. Nothing remains.'],
  arguments: [],
  options: [],
  examples: [{ line: 'vfio-isolate demo', effect: 'changes nothing but what it makes for itself' }],
};

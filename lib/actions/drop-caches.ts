import { dropCachesFile } from '../kernel/memory.js';
import { fileStep } from '../steps/file/file.js';
import { syncStep } from '../steps/sync.js';
import type { Action } from './spec.js';

export const dropCaches: Action = {
  spec: {
    name: 'drop-caches',
    summary: 'drop caches',
    description: ['Writes dirty pages to disk, and has the kernel drop its page cache, dentries and inodes.'],
    arguments: [],
    options: [],
    examples: [
      { line: 'vfio-isolate drop-caches', effect: 'memory of clean caches is free; nothing is there to undo' },
    ],
  },

  plan: (_parameters, { host }) => ({ steps: [syncStep, ...fileStep(host, dropCachesFile(host), '3')] }),
};

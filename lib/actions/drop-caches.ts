import { dropCachesFile } from '../kernel/memory.js';
import { fileStep } from '../steps/file/file.js';
import { syncStep } from '../steps/sync.js';
import { choice } from './parameters.js';
import type { Action } from './spec.js';

const ALL = 'all';
const PAGE_CACHE = 'page-cache';
const CHOICES = [ALL, PAGE_CACHE];

export const dropCaches: Action = {
  spec: {
    name: 'drop-caches',
    summary: 'drop caches',
    description: [
      'Writes dirty pages to disk, and has the kernel drop its page cache, dentries and inodes. With page-cache it drops ' +
        'the clean pages alone, and waits for no disk.',
      'In a chain it comes before all that is changed. It waits for the disks, and then for the kernel, 30 seconds each at ' +
        'most: what is not dropped by then is a note.',
    ],
    arguments: [{ name: 'caches', help: 'all, or page-cache; all unless given', type: CHOICES, optional: true }],
    options: [],
    examples: [
      { line: 'vfio-isolate drop-caches', effect: 'memory of clean caches is free; nothing is there to undo' },
      { line: 'vfio-isolate drop-caches page-cache', effect: 'the same of file pages alone, at once' },
    ],
  },

  isTrigger: true,

  plan(parameters, { host }) {
    const caches = parameters['caches'] === undefined ? ALL : choice(parameters, 'caches', CHOICES);
    const drop = (what: string) => fileStep(host, dropCachesFile(host), what);
    return { steps: caches === PAGE_CACHE ? drop('1') : [syncStep, ...drop('3')] };
  },
};

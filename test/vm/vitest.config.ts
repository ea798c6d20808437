import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { left } from './extent.js';
import { LongestFirst } from './longest-first.js';
import { retry } from './retry.js';

// Two guests at a time, each file in a process of its own: an emulated guest keeps a core busy.
export default defineConfig({
  test: {
    name: 'vm',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/vm/**/*.vm.test.ts'],
    exclude: left.map((name) => `test/vm/${name}.vm.test.ts`),
    globalSetup: ['test/vm/pool.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // beside unit tests neither would get a core
    sequence: { groupOrder: 1, sequencer: LongestFirst },
    reporters: ['default', ['json', { outputFile: process.env['VFIO_ISOLATE_RESULTS'] ?? 'results/vm-results.json' }]],
    testTimeout: 10 * 60_000,
    hookTimeout: 20 * 60_000,
    retry,
  },
});

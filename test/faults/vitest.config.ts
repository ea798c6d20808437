import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { retry } from '../vm/retry.js';

// Kills, refusals, races and hostile input, in place and in guests; `npm run test:faults` has the whole number of each.
export default defineConfig({
  test: {
    name: 'faults',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/faults/figures.ts', 'test/vm/pool.ts'],
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', ['json', { outputFile: 'results/faults-results.json' }]],
    testTimeout: 60 * 60_000,
    hookTimeout: 20 * 60_000,
    retry,
  },
});

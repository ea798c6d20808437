import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { isShort } from '../support/extent.js';
import { LongestFirst } from '../vm/longest-first.js';
import { retry } from '../vm/retry.js';

// Kills, refusals, races and hostile input, in place and in guests; `npm run test:faults` has the whole number of each.
export default defineConfig({
  test: {
    name: 'faults',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/faults/**/*.test.ts'],
    // systemd guests take minutes each, and so does a root of 6.1 that is moved under strace
    exclude: isShort
      ? ['units-meanwhile', 'guest-systemd', 'systemd-fails', 'guest-v1'].map((name) => `test/faults/${name}.test.ts`)
      : [],
    globalSetup: ['test/faults/figures.ts', 'test/vm/pool.ts'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: [
      'default',
      ['json', { outputFile: process.env['VFIO_ISOLATE_RESULTS'] ?? 'results/faults-results.json' }],
    ],
    testTimeout: 60 * 60_000,
    hookTimeout: 20 * 60_000,
    retry,
  },
});

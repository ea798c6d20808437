import { defineConfig } from 'vitest/config';

// The forks pool: sched_setaffinity(0) binds one thread, so tests in worker threads would lie.
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/**/*.test.ts'],
    exclude: ['test/vm/**', 'test/faults/**', 'test/install/**'],
    reporters: [
      'default',
      ['json', { outputFile: process.env['VFIO_ISOLATE_RESULTS'] ?? 'results/test-results.json' }],
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

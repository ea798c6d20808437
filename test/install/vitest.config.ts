import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'install',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/install/*.test.ts'],
    globalSetup: ['test/install/pack.ts'],
    reporters: [
      'default',
      ['json', { outputFile: process.env['VFIO_ISOLATE_RESULTS'] ?? 'results/install-results.json' }],
    ],
    testTimeout: 3 * 60_000,
    hookTimeout: 8 * 60_000,
  },
});

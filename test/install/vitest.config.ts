import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { isShort } from '../support/extent.js';

export default defineConfig({
  test: {
    name: 'install',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/install/*.test.ts'],
    // what has to be built anew
    exclude: isShort ? ['arm64', 'clone', 'musl'].map((name) => `test/install/${name}.test.ts`) : [],
    globalSetup: ['test/install/pack.ts'],
    reporters: [
      'default',
      ['json', { outputFile: process.env['VFIO_ISOLATE_RESULTS'] ?? 'results/install-results.json' }],
    ],
    testTimeout: 3 * 60_000,
    hookTimeout: 8 * 60_000,
  },
});

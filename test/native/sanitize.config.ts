/** Runs the addon's tests against the sanitized build, see native/sanitize.js. */
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '../..');

export default defineConfig({
  test: {
    root,
    pool: 'forks',
    include: ['test/native/**/*.test.ts'],
    provide: { sanitizedAddon: join(root, 'build-asan/Release/vfio_isolate.node') },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

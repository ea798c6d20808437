// Runs one of this folder's TypeScript files with the loader that the tests use: node 20 reads no types.
import { runnerImport } from 'vite';

await runnerImport(new URL(process.argv[2], import.meta.url).pathname, { logLevel: 'error' });

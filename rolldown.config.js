// What is published: a file for the start, one for the rest of the command line, one for the library, with all that they
// need. A hundred small modules cost more to find than all that they do.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'rolldown';

/** What becomes part of the package, each with its licence. */
const licences = { commander: 'LICENSE', valibot: 'LICENSE.md' };

const notices = {
  name: 'notices',
  generateBundle() {
    const texts = Object.entries(licences).map(
      ([name, file]) => `${name}\n\n${readFileSync(`node_modules/${name}/${file}`, 'utf8').trim()}\n`,
    );
    this.emitFile({
      type: 'asset',
      fileName: 'third-party-licenses.txt',
      source: texts.join(`\n${'-'.repeat(40)}\n\n`),
    });
  },
};

export default defineConfig({
  input: { main: 'lib/cli/main.ts', index: 'lib/index.ts' },
  platform: 'node',
  plugins: [notices],
  // All in one folder that is as deep as lib/, so that what lies beside it is found from either.
  output: { dir: 'dist', format: 'esm', chunkFileNames: '[name].js' },
});

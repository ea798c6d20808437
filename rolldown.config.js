// What is published: the command line as scripts, one for the start and some for the rest, and the library as a module,
// each with all that it needs. A hundred small modules cost more to find than all that they do, and Node's loader of
// modules more to start than one of scripts.
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

/** commander would load what only commands in files of their own need, at every start. */
const noSubprocesses = {
  name: 'no-subprocesses',
  resolveId(source, importer) {
    return source === 'node:child_process' && importer?.includes('/commander/') ? '\0no-subprocesses' : undefined;
  },
  load: (id) => (id === '\0no-subprocesses' ? 'module.exports = {};' : undefined),
};

/** All in one folder that is as deep as lib/, so that what lies beside it is found from either. */
const dir = 'dist';

export default defineConfig([
  {
    input: { main: 'lib/cli/main.ts', documents: 'lib/cli/documents/documents.ts' },
    platform: 'node',
    plugins: [notices, noSubprocesses],
    // Names stay, for the sake of stack traces. Without white space and comments Node compiles it in half the time.
    output: {
      dir,
      format: 'cjs',
      minify: { compress: false, mangle: false },
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name].cjs',
    },
  },
  { input: { index: 'lib/index.ts' }, platform: 'node', output: { dir, format: 'esm' } },
]);

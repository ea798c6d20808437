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

/** commander would have Node load, at every start, what only commands in files of their own need, and what is there. */
const builtins = new Map(Object.entries({ 'node:child_process': '{}', 'node:process': 'process' }));
const fewerBuiltins = {
  name: 'fewer-builtins',
  resolveId(source, importer) {
    return builtins.has(source) && importer?.includes('/commander/') ? `\0${source}` : undefined;
  },
  load: (id) => (builtins.has(id.slice(1)) ? `module.exports = ${builtins.get(id.slice(1))};` : undefined),
};

/** All in one folder that is as deep as lib/, so that what lies beside it is found from either. */
const dir = 'dist';

// Functions keep their names, for the sake of stack traces. Without white space, comments and long names Node compiles
// it in half the time.
const scripts = {
  dir,
  format: 'cjs',
  // A script that comes from V8's code cache knows no loader of modules.
  dynamicImportInCjs: false,
  minify: { compress: true, mangle: { keepNames: true } },
  comments: false,
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name].cjs',
};

/** What lib/cli/script.ts reads, a byte a character, and compiles: a function of what Node gives to a script. */
const wrapped = {
  name: 'wrapped',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      const foreign = /[^\t\n\x20-\x7e]/.exec(chunk.code);
      if (foreign) this.error(`${chunk.fileName} must be ASCII: ${JSON.stringify(foreign[0])} at ${foreign.index}`);
      chunk.code = `(function (exports, require, module, __filename, __dirname) {${chunk.code}})`;
    }
  },
};

export default defineConfig([
  { input: { main: 'lib/cli/main.ts' }, platform: 'node', output: scripts },
  { input: { documents: 'lib/cli/documents/documents.ts' }, platform: 'node', output: scripts },
  {
    input: { command: 'lib/cli/command.ts' },
    platform: 'node',
    plugins: [notices, fewerBuiltins, wrapped],
    // One file is found sooner than two.
    output: { ...scripts, codeSplitting: false },
  },
  { input: { index: 'lib/index.ts' }, platform: 'node', output: { dir, format: 'esm' } },
]);

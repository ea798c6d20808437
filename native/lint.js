/** `npm run lint:native`: clang-format and clang-tidy over the addon (Debian: apt-get install clang-format clang-tidy). */
import { readdirSync } from 'node:fs';
import { cmakeJs, root, run } from './cmake.js';

const files = readdirSync(`${root}/native`).map((name) => `native/${name}`);
const sources = files.filter((name) => name.endsWith('.cc'));
const headers = files.filter((name) => name.endsWith('.h'));

run('clang-format', ['--dry-run', '-Werror', ...sources, ...headers]);
cmakeJs('configure', 'build-tidy');
run('run-clang-tidy', ['-p', 'build-tidy', '-quiet', ...sources]);

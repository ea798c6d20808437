/**
 * `npm run test:sanitize`: builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer into build-asan/ and
 * runs its tests against that. `--build` only builds. Further arguments go to vitest.
 */
import { execFileSync } from 'node:child_process';
import { cmakeJs, program, run } from './cmake.js';

/** node itself is not sanitized, so the libraries must be there before it. */
function sanitizerLibraries() {
  return ['libasan.so', 'libubsan.so'].map((name) =>
    execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim(),
  );
}

const given = process.argv.slice(2);
cmakeJs('build', 'build-asan', '--CDSANITIZE=ON');
if (!given.includes('--build')) {
  const vitest = program('vitest', 'vitest.mjs');
  run(process.execPath, [vitest, 'run', '--config', 'test/native/sanitize.config.ts', ...given], {
    LD_PRELOAD: sanitizerLibraries().join(' '),
    // Leaks are not looked for: node itself never frees what it keeps to its end.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1:abort_on_error=1',
  });
}

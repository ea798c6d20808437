// Adds up what the test runs wrote, names what was skipped, and fails where no test ran on a real kernel.
import { existsSync, readFileSync } from 'node:fs';

const RESULTS = ['build/test-results.json', 'build/vm-results.json'];
/** Those that every change is tried on. */
const HOSTS = ['6.1-v1', '6.1-hybrid', '6.1-v2', '6.12-v2', '6.1-v1-small', '6.1-v2-small', '6.12-v2-small'];
/** Titles of the suites that change a real kernel's state, in place or in a guest. */
const REAL_KERNEL = /, in place|^on /;

const tests = RESULTS.filter((path) => existsSync(path)).flatMap((path) =>
  JSON.parse(readFileSync(path, 'utf8')).testResults.flatMap((file) => file.assertionResults),
);
const of = (...states) => tests.filter(({ status }) => states.includes(status));
const [passed, failed, skipped] = [of('passed'), of('failed'), of('skipped', 'pending', 'todo')];

for (const { fullName } of skipped) console.log(`skipped: ${fullName}`);
for (const { fullName } of failed) console.log(`failed: ${fullName}`);
const real = passed.filter(({ ancestorTitles }) => ancestorTitles.some((title) => REAL_KERNEL.test(title)));
const missing = HOSTS.filter((host) => !real.some(({ ancestorTitles }) => ancestorTitles.includes(`on ${host}`)));
for (const host of missing) console.log(`no test passed on ${host}`);
console.log(`${real.length} of the tests that passed ran on a real kernel`);
console.log(`${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
if (real.length === 0) console.log('neither a v1 hierarchy in place nor a guest ran the real-kernel tests');
process.exitCode = failed.length > 0 || real.length === 0 || missing.length > 0 ? 1 : 0;

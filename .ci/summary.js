// Adds up what the test runs wrote, names what was skipped, and fails where no test ran on a real kernel.
import { existsSync, readFileSync } from 'node:fs';

const RESULTS = 'build/test-results.json';
/** Titles of the suites that change a real kernel's state. */
const REAL_KERNEL = /, in place/;

const files = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')).testResults : [];
const tests = files.flatMap((file) => file.assertionResults);
const of = (...states) => tests.filter(({ status }) => states.includes(status));
const [passed, failed, skipped] = [of('passed'), of('failed'), of('skipped', 'pending', 'todo')];

for (const { fullName } of skipped) console.log(`skipped: ${fullName}`);
for (const { fullName } of failed) console.log(`failed: ${fullName}`);
const real = passed.filter(({ ancestorTitles }) => ancestorTitles.some((title) => REAL_KERNEL.test(title)));
console.log(`${real.length} of the tests that passed ran on a real kernel`);
console.log(`${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
if (real.length === 0) console.log('no v1 hierarchy in place ran the real-kernel tests');
process.exitCode = failed.length > 0 || real.length === 0 ? 1 : 0;

// Adds up what the stages of an extent wrote to a folder, names what was skipped, and fails where what is expected did not
// run: node .ci/summary.js EXTENT [FOLDER]
import { existsSync, readFileSync } from 'node:fs';
import { extents } from './expected.js';

const [extent, folder = 'results'] = process.argv.slice(2);
const { budgets, faults, guests, installs, programs } = extents[extent];
const read = (name) => (existsSync(`${folder}/${name}`) ? readFileSync(`${folder}/${name}`, 'utf8') : undefined);
const json = (name, without) => JSON.parse(read(name) ?? JSON.stringify(without));
const rowsOf = (name) =>
  (read(name) ?? '')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t'));
const testsOf = (name) => json(name, { testResults: [] }).testResults.flatMap((file) => file.assertionResults);

const here = testsOf('test-results.json');
const inGuests = testsOf('vm-results.json');
const underFaults = testsOf('faults-results.json');
const installed = testsOf('install-results.json');
const all = [...here, ...inGuests, ...underFaults, ...installed];
const of = (...states) => all.filter(({ status }) => states.includes(status));
const [passed, failed, skipped] = [of('passed'), of('failed'), of('skipped', 'pending', 'todo')];

const problems = [];
const require = (holds, problem) => holds || problems.push(problem);

for (const { fullName } of skipped) console.log(`skipped: ${fullName}`);
for (const { fullName, failureMessages } of failed) {
  console.log(`\n${fullName}\n${failureMessages.map((message) => message.slice(0, 4000)).join('\n')}\n`);
  problems.push(`failed: ${fullName}: ${failureMessages[0]?.split('\n')[0]}`);
}

/** Titles of the suites that change a real kernel's state. */
const REAL_KERNEL = /, in place/;
const real = here.filter(
  ({ status, ancestorTitles }) => status === 'passed' && ancestorTitles.some((title) => REAL_KERNEL.test(title)),
);
console.log(`${real.length} tests passed in place, on this machine's own kernel`);
require(real.length > 0, 'no v1 hierarchy in place ran the real-kernel tests');

for (const [host, suites] of Object.entries(guests)) {
  for (const suite of suites) {
    const own = inGuests.filter(({ ancestorTitles }) => ancestorTitles[0] === `on ${host}: ${suite}`);
    const whole = own.length > 0 && own.every(({ status }) => status === 'passed');
    require(whole, `the suite ${suite} did not run and pass on ${host}`);
  }
}

// a test that passed when it was tried again still tells why it had failed
for (const { fullName, failureMessages } of [...inGuests, ...underFaults].filter(({ status }) => status === 'passed')) {
  const [other] = failureMessages.filter((message) => !/\(kernel Oops\)|^Error: guest \S+ stood still/.test(message));
  require(other === undefined, `tried again for no fall of the kernel: ${fullName}: ${other?.split('\n')[0]}`);
}

const bySuite = ({ ancestorTitles }) => ancestorTitles[0];
const byName = ({ fullName }) => fullName;
for (const [kind, tests, titles, nameOf] of [
  ['faults', underFaults, faults, bySuite],
  ['tests of install', installed, installs, byName],
  ['tests of documents', here, programs, byName],
]) {
  for (const title of titles) {
    const own = tests.filter((each) => nameOf(each)?.startsWith(title));
    const whole = own.length > 0 && own.every(({ status }) => status === 'passed');
    require(whole, `the ${kind} "${title}" did not run and pass`);
  }
}
for (const line of rowsOf('faults-figures.tsv')) {
  const [what, tried, lost] = line;
  console.log(`${what}: ${tried} tried, ${lost} lost`);
}

const { guests: booted, built } = json('vm-summary.json', { guests: [], built: [] });
for (const { host, bootSeconds, seconds, commands, failedBoots, oopses } of booted) {
  const odd = `${failedBoots ? `, ${failedBoots} failed boots` : ''}${oopses ? ', fell over' : ''}`;
  console.log(`guest ${host}: up after ${bootSeconds} s, ${seconds} s in all, ${commands} commands${odd}`);
}
for (const { name, seconds } of built) console.log(`built ${name} in ${seconds} s`);
const sum = (key) => booted.reduce((total, guest) => total + guest[key], 0);
console.log(`${booted.length} guests, ${sum('failedBoots')} failed boots, ${sum('oopses')} Oopses`);

const rows = rowsOf('ci-stages.tsv');
for (const kind of new Set(rows.map(([each]) => each))) {
  const own = rows.filter(([each]) => each === kind);
  const seconds = own.reduce((total, [, , each]) => total + Number(each), 0);
  const limit = (budgets[kind] ?? Number.POSITIVE_INFINITY) * 60;
  const names = own.map(([, name, each]) => `${name} ${each}`).join(', ');
  const account = `${kind}: ${seconds} s${Number.isFinite(limit) ? ` of ${limit} s` : ''} (${names})`;
  console.log(account);
  if (seconds > limit) console.log(`OVER ITS BUDGET: ${account}`);
  require(seconds <= 1.5 * limit, `far over its budget: ${account}`);
}

console.log(`${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
for (const problem of problems) console.log(`PROBLEM: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;

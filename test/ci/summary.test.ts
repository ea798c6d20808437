// CI's last word: what did not run, failed, was tried again or took too long is named, and fails.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { execute } from '../support/cli.js';

const script = fileURLToPath(new URL('../../.ci/summary.js', import.meta.url));
interface Expected {
  faults: string[];
  guests: Record<string, string[]>;
  installs: string[];
  programs: string[];
}
const { extents }: { extents: Record<'short' | 'full', Expected> } = await import(
  new URL('../../.ci/expected.js', import.meta.url).href
);
const { faults, guests, installs, programs } = extents.short;

interface Ran {
  ancestorTitles: string[];
  fullName: string;
  status: string;
  failureMessages: string[];
}
const ran = (title: string, status = 'passed', failureMessages: string[] = []): Ran => ({
  ancestorTitles: [title],
  fullName: `${title} works`,
  status,
  failureMessages,
});

let folder: string;
let inGuests: Ran[];
let underFaults: Ran[];
let installed: Ran[];
let here: Ran[];
let stages: [kind: string, name: string, seconds: number][];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-ci-'));
  inGuests = Object.entries(guests).flatMap(([host, suites]) => suites.map((suite) => ran(`on ${host}: ${suite}`)));
  underFaults = faults.map((title) => ran(`${title} (v1)`));
  installed = installs.map((title) => ran(title));
  here = [ran('the commands, in place (v1)'), ...programs.map((title) => ran(title))];
  stages = [
    ['static checks', 'types', 100],
    ['guests', 'guests', 900],
  ];
});
afterEach(() => rmSync(folder, { recursive: true }));

async function summary(extent = 'short'): Promise<{ status: number | null; problems: string[]; stdout: string }> {
  const results = (tests: Ran[]) => JSON.stringify({ testResults: [{ assertionResults: tests }] });
  writeFileSync(join(folder, 'test-results.json'), results(here));
  writeFileSync(join(folder, 'install-results.json'), results(installed));
  writeFileSync(join(folder, 'vm-results.json'), results(inGuests));
  writeFileSync(join(folder, 'faults-results.json'), results(underFaults));
  writeFileSync(join(folder, 'faults-figures.tsv'), 'kills\t200\t0\n');
  const guest = { host: '6.1-v1', bootSeconds: 40, seconds: 90, commands: 7, failedBoots: 1, oopses: 1 };
  writeFileSync(join(folder, 'vm-summary.json'), JSON.stringify({ guests: [guest], built: [] }));
  writeFileSync(join(folder, 'ci-stages.tsv'), stages.map((row) => `${row.join('\t')}\n`).join(''));
  const { status, stdout } = await execute(process.execPath, [script, extent, folder]);
  return { status, stdout, problems: stdout.split('\n').filter((line) => line.startsWith('PROBLEM: ')) };
}

test('all that is expected ran, and is told of', async () => {
  const { status, problems, stdout } = await summary();
  expect({ status, problems }).toEqual({ status: 0, problems: [] });
  expect(stdout).toContain('guest 6.1-v1: up after 40 s, 90 s in all, 7 commands, 1 failed boots, fell over\n');
  expect(stdout).toContain('1 guests, 1 failed boots, 1 Oopses\n');
  expect(stdout).toContain('guests: 900 s of 1440 s (guests 900)\n');
  expect(stdout).toContain('kills: 200 tried, 0 lost\n');
});

test('a kind of fault that was not tried is named', async () => {
  underFaults = underFaults.map((each) => (/^signals/.test(each.fullName) ? { ...each, status: 'skipped' } : each));
  expect((await summary()).problems).toEqual(['PROBLEM: the faults "signals, in place" did not run and pass']);
});

test('an installation that did not run, and a program that was not there, are named', async () => {
  installed = installed.filter(({ fullName }) => !fullName.startsWith('publint'));
  here = here.map((each) => (each.fullName.startsWith('completion for zsh') ? { ...each, status: 'skipped' } : each));
  expect((await summary()).problems).toEqual([
    'PROBLEM: the tests of install "publint" did not run and pass',
    'PROBLEM: the tests of documents "completion for zsh" did not run and pass',
  ]);
});

test.each([
  ['did not run', (all: Ran[], title: string) => all.filter((each) => each.ancestorTitles[0] !== title)],
  ['was skipped', (all: Ran[], title: string) => [...all, ran(title, 'skipped')]],
])('a suite that %s on a host is named', async (_how, change) => {
  inGuests = change(inGuests, 'on debian-13: demo');
  const { status, problems } = await summary();
  expect(status).toBe(1);
  expect(problems).toEqual(['PROBLEM: the suite demo did not run and pass on debian-13']);
});

test('a test that was tried again is a problem, unless the kernel fell over', async () => {
  inGuests.push(ran('on 2-cpu', 'passed', ['Error: guest 2-cpu died (kernel Oops); its console ends:\n']));
  inGuests.push(ran('on 2-cpu', 'passed', ['Error: guest 2-cpu stood still while it ran: true; its console ends:\n']));
  expect(await summary()).toMatchObject({ status: 0, problems: [] });
  inGuests.push(ran('on 2-cpu', 'passed', ['Error: 1 is not 2\nat ...']));
  const { status, problems } = await summary();
  expect(status).toBe(1);
  expect(problems).toEqual(['PROBLEM: tried again for no fall of the kernel: on 2-cpu works: Error: 1 is not 2']);
});

test('stages that together took longer than their kind may are named', async () => {
  stages.push(['static checks', 'lint', 351]);
  const { status, problems } = await summary();
  expect(status).toBe(1);
  expect(problems).toEqual(['PROBLEM: far over its budget: static checks: 451 s of 300 s (types 100, lint 351)']);
});

test('the full extent has no budget, and wants all that the short one wants and more', async () => {
  stages.push(['static checks', 'lint', 9999]);
  const { problems } = await summary('full');
  expect(problems).toContain('PROBLEM: the suite readmeNuma did not run and pass on 6.1-v1-24-cpus');
  expect(problems).toContain('PROBLEM: the faults "on 6.12-v2-four: faultsOnSystemd" did not run and pass');
  expect(problems).toContain('PROBLEM: the tests of install "the binary for arm64" did not run and pass');
  expect(problems.filter((problem) => /static checks|on debian-13$|by npm"/.test(problem))).toEqual([]);
});

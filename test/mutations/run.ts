// Faults that tests must see: each is put into a copy of the project, and the named tests must fail by a check of theirs, in
// that copy, or in a guest that has it installed. `npm run test:mutations -- in-place|in-guests [NUMBER...]`
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyProject } from '../vm/build/project.js';
import { inGuests } from './in-guests.js';
import { inPlace } from './in-place.js';
import type { Mutation } from './mutation.js';

/** Runs the tests with the changed copy; they write their results to a file. @returns the end of what they printed */
type Try = (copy: string, results: string, tests: Mutation['tests']) => string;

interface Results {
  readonly testResults?: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly failureMessages: readonly string[] }[];
  }[];
}

const project = fileURLToPath(new URL('../..', import.meta.url));
const addon = 'build/Release/vfio_isolate.node';
const bundle = 'rolldown --config --logLevel silent';
const kinds: Record<string, { mutations: readonly Mutation[]; try: Try }> = {
  'in-guests': { mutations: inGuests, try: tryInGuest },
  'in-place': { mutations: inPlace, try: tryInPlace },
};

function tryInGuest(copy: string, results: string, tests: Mutation['tests']): string {
  // the addon is the same in all of them, and built
  const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
  const prebuilds = `prebuilds/linux-${process.arch}`;
  manifest.scripts.prepack = `${bundle} && mkdir -p ${prebuilds} && cp ${join(project, addon)} ${prebuilds}/vfio-isolate.node`;
  writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest));
  return vitest(project, results, tests, { VFIO_ISOLATE_VM: 'required', VFIO_ISOLATE_VM_PACKAGE: copy });
}

function tryInPlace(copy: string, results: string, tests: Mutation['tests']): string {
  cpSync(join(project, addon), join(copy, addon), { recursive: true });
  npx(copy, bundle.split(' '));
  return vitest(copy, results, tests);
}

function vitest(cwd: string, results: string, [file, title]: Mutation['tests'], environment = {}): string {
  const config = [/^test\/(vm|faults)\//.exec(file)?.[0], 'vitest.config.ts'].join('');
  const pattern = title.replace(/[()]/g, '\\$&');
  const words = ['vitest', 'run', '--config', config, file, '-t', pattern, '--bail', '1'];
  return npx(cwd, words, { ...environment, VFIO_ISOLATE_RESULTS: results });
}

function npx(cwd: string, words: string[], environment: NodeJS.ProcessEnv = {}): string {
  const env = { ...process.env, ...environment };
  const { stdout, stderr } = spawnSync('npx', words, { cwd, env, encoding: 'utf8' });
  return stdout.slice(-600) + stderr.slice(-600);
}

/** @returns why the mutation was not seen, or undefined */
function miss({ file, from, to, tests }: Mutation, attempt: Try): string | undefined {
  const copy = mkdtempSync(join(tmpdir(), 'vfio-isolate-mutation-'));
  try {
    copyProject(project, copy);
    const source = readFileSync(join(copy, file), 'utf8');
    if (source.split(from).length !== 2) return `${file} does not hold once: ${from}`;
    const mutant = source.replace(from, () => to);
    writeFileSync(join(copy, file), mutant);
    const results = join(copy, 'results.json');
    const said = attempt(copy, results, tests);
    if (!existsSync(results)) return `vitest wrote no results: ${said}`;
    const { testResults = [] }: Results = JSON.parse(readFileSync(results, 'utf8'));
    const run = testResults.flatMap(({ assertionResults }) => assertionResults);
    const tried = run.filter(({ status }) => status === 'passed' || status === 'failed');
    if (tried.length === 0) return `no test ran: ${said}`;
    const seen = tried.filter(({ status }) => status === 'failed').flatMap(({ failureMessages }) => failureMessages);
    if (seen.length === 0) return 'every test passed';
    return seen.some((message) => /AssertionError|@vitest\/expect|__VITEST_/.test(message))
      ? undefined
      : `no check failed: ${seen[0]}`;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

const [name = '', ...words] = process.argv.slice(3);
const kind = kinds[name];
if (kind === undefined) {
  console.error(`say where: ${Object.keys(kinds).join(' or ')}`);
  process.exit(2);
}
if (!existsSync(join(project, addon))) spawnSync('npm', ['run', 'build'], { cwd: project, stdio: 'inherit' });
const numbers = words.map(Number);
const chosen = kind.mutations.filter((_, index) => numbers.length === 0 || numbers.includes(index + 1));
let missed = 0;
for (const mutation of chosen) {
  const why = miss(mutation, kind.try);
  missed += why === undefined ? 0 : 1;
  const verdict = why === undefined ? 'seen' : 'NOT SEEN';
  console.log(`${kind.mutations.indexOf(mutation) + 1} ${verdict}: ${mutation.fault}${why ? `: ${why}` : ''}`);
}
console.log(`${chosen.length - missed} of ${chosen.length} mutations seen`);
process.exitCode = missed === 0 ? 0 : 1;

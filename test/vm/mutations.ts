// Faults that the guests' tests must see: each is put into a copy of the project, which is packed and installed in a guest
// in place of the right one, and the named tests must fail by a check of theirs. `npm run test:mutations [NUMBER...]`
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyProject } from './build/project.js';
import { type Mutation, mutations } from './mutation-list.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
interface Results {
  readonly testResults?: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly failureMessages: readonly string[] }[];
  }[];
}

/** @returns why the mutation was not seen, or undefined */
function miss({ file, from, to, tests: [host, title] }: Mutation): string | undefined {
  const copy = mkdtempSync(join(tmpdir(), 'vfio-isolate-mutation-'));
  try {
    copyProject(project, copy);
    // the addon is the same in all of them, and built
    const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
    manifest.scripts.prepack = 'rolldown --config --logLevel silent';
    writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest));
    const source = readFileSync(join(copy, file), 'utf8');
    if (source.split(from).length !== 2) return `${file} does not hold once: ${from}`;
    writeFileSync(
      join(copy, file),
      source.replace(from, () => to),
    );
    const results = join(copy, 'results.json');
    const vitest = ['vitest', 'run', '--config', 'test/vm/vitest.config.ts', host, '-t', title];
    const env = {
      ...process.env,
      VFIO_ISOLATE_VM: 'required',
      VFIO_ISOLATE_VM_PACKAGE: copy,
      VFIO_ISOLATE_VM_RESULTS: results,
    };
    const { stdout, stderr } = spawnSync('npx', vitest, {
      cwd: project,
      env,
      encoding: 'utf8',
    });
    if (!existsSync(results)) return `vitest wrote no results: ${stdout.slice(-600)}${stderr.slice(-600)}`;
    const { testResults = [] }: Results = JSON.parse(readFileSync(results, 'utf8'));
    const run = testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => /ed$/.test(status));
    const tried = run.filter(({ status }) => status === 'passed' || status === 'failed');
    if (tried.length === 0) return `no test ran: ${stderr.slice(-400)}`;
    const seen = tried.filter(({ status }) => status === 'failed').flatMap(({ failureMessages }) => failureMessages);
    if (seen.length === 0) return 'every test passed';
    return seen.some((message) => /AssertionError/.test(message)) ? undefined : `no check failed: ${seen[0]}`;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

if (!existsSync(join(project, 'prebuilds'))) {
  spawnSync('npm', ['pack', '--pack-destination', tmpdir()], { cwd: project, stdio: 'inherit' });
}
const numbers = process.argv.slice(3).map(Number);
const chosen = mutations.filter((_, index) => numbers.length === 0 || numbers.includes(index + 1));
let missed = 0;
for (const mutation of chosen) {
  const why = miss(mutation);
  missed += why === undefined ? 0 : 1;
  console.log(
    `${mutations.indexOf(mutation) + 1} ${why === undefined ? 'seen' : 'NOT SEEN'}: ${mutation.fault}${why ? `: ${why}` : ''}`,
  );
}
console.log(`${chosen.length - missed} of ${chosen.length} mutations seen`);
process.exitCode = missed === 0 ? 0 : 1;

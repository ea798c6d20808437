/** The tarball is installed by each package manager, without a compiler, and works at once with each Node. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageVersion } from '../../lib/version.js';
import { isShort } from '../support/extent.js';
import { Scene } from './scene.js';

const require = createRequire(import.meta.url);
const NPM = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
/** Loads the addon. */
const CALL = 'console.log(vfio.getAffinity(0).length > 0)';

let scene: Scene;
beforeAll(() => {
  scene = new Scene();
  scene.fetchTools();
});
afterAll(() => scene.close());

/** A project that depends on nothing yet. */
function project(name: string): string {
  const place = scene.place(name);
  writeFileSync(join(place, 'package.json'), JSON.stringify({ name, version: '1.0.0', private: true }));
  return place;
}

function works(place: string, node?: string): void {
  const bin = join(place, 'node_modules/vfio-isolate/bin/vfio-isolate.js');
  const version = scene.node([bin, '--version'], place, node);
  expect(version).toEqual({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' });
  const imported = scene.node(['-e', `import('vfio-isolate').then((vfio) => ${CALL})`], place, node);
  expect(imported).toEqual({ status: 0, stdout: 'true\n', stderr: '' });
  const required = scene.node(['-e', `const vfio = require('vfio-isolate'); ${CALL}`], place, node);
  expect(required).toMatchObject({ status: 0, stdout: 'true\n' });
}

test('there is no compiler in sight', () => {
  for (const program of ['cc', 'c++', 'gcc', 'g++', 'make', 'python3', 'node-gyp']) {
    expect(scene.run('sh', ['-c', `command -v ${program}`]).status).not.toBe(0);
  }
});

describe('installed by', () => {
  const managers: [name: string, script: () => string, args: string[]][] = [
    ['npm', () => NPM, ['install', '--no-audit', '--no-fund']],
    ['npm with scripts blocked', () => NPM, ['install', '--ignore-scripts', '--no-audit', '--no-fund']],
  ];
  const others: typeof managers = [
    ['pnpm', () => scene.tool('pnpm/bin/pnpm.cjs'), ['add']],
    ['yarn 1', () => scene.tool('yarn/bin/yarn.js'), ['add', '--non-interactive']],
  ];

  test.each(isShort ? managers : [...managers, ...others])('%s', (name, script, args) => {
    const place = project(name.replaceAll(' ', '-'));
    const ended = scene.node([script(), ...args, scene.tarball], place);
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ status: 0 });
    works(place);
  });

  test.runIf(!isShort)('yarn 4', () => {
    const place = project('yarn-4');
    writeFileSync(join(place, '.yarnrc.yml'), 'nodeLinker: node-modules\nenableTelemetry: false\n');
    writeFileSync(join(place, 'yarn.lock'), '');
    const yarn = scene.tool('@yarnpkg/cli-dist/bin/yarn.js');
    const ended = scene.node([yarn, 'add', `vfio-isolate@file:${scene.tarball}`], place);
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ status: 0 });
    works(place);
  });

  test('npm for all users, with its command, man page and completions', () => {
    const prefix = scene.place('global');
    const ended = scene.node([NPM, 'install', '--global', '--prefix', prefix, scene.tarball]);
    expect(ended, ended.stdout + ended.stderr).toMatchObject({ status: 0 });
    const version = scene.run(join(prefix, 'bin/vfio-isolate'), ['--version']);
    expect(version).toEqual({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' });
    expect(readFileSync(join(prefix, 'share/man/man8/vfio-isolate.8'), 'utf8')).toMatch(/^\.TH VFIO/);
    const completions = join(prefix, 'lib/node_modules/vfio-isolate/dist/completions');
    expect(readdirSync(completions).sort()).toEqual(['_vfio-isolate', 'vfio-isolate.bash', 'vfio-isolate.fish']);
  });
});

describe('the same binary', () => {
  let place: string;
  beforeAll(() => {
    place = project('nodes');
    expect(scene.node([NPM, 'install', '--no-audit', '--no-fund', scene.tarball], place)).toMatchObject({ status: 0 });
  });

  test.each(isShort ? ['24'] : ['22', '24', '26'])('works with Node %s', (major) => {
    const node = scene.tool(`node-${major}/bin/node`);
    expect(scene.node(['-p', 'process.version'], place, node).stdout).toMatch(new RegExp(`^v${major}\\.`));
    works(place, node);
  });

  test('works with Node 20, which runs this test', () => {
    expect(process.version).toMatch(/^v20\./);
    works(place);
  });

  test('that is missing is told in one line, with the remedy', () => {
    const bare = scene.place('no-binary');
    cpSync(place, bare, { recursive: true });
    rmSync(join(bare, 'node_modules/vfio-isolate/prebuilds'), { recursive: true });
    const bin = join(bare, 'node_modules/vfio-isolate/bin/vfio-isolate.js');
    const { status, stdout, stderr } = scene.node([bin, '-n', 'cpuset-create', '--cpus', 'C0', '/none'], bare);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/the native addon cannot be loaded: .*no such file.*; binaries are shipped for Linux/);
  });

  describe('types are found', () => {
    const consumers: [name: string, file: string, source: string, module: string, resolution: string][] = [
      ['a module, node16', 'a.mts', `import { run, openHost } from 'vfio-isolate';`, 'node16', 'node16'],
      ['a module, bundler', 'b.ts', `import { run, openHost } from 'vfio-isolate';`, 'esnext', 'bundler'],
      ['CommonJS, node20', 'c.cts', `import { run, openHost } from 'vfio-isolate';`, 'node20', 'node16'],
    ];

    test.each(consumers)('by %s', (_name, file, source, module, resolution) => {
      const use =
        'export const report: Promise<{ readonly ok: boolean }> = run([]); export const { live } = openHost();';
      writeFileSync(join(place, file), `${source}\n${use}\n`);
      const tsc = require.resolve('typescript/bin/tsc');
      const options = ['--noEmit', '--strict', '--target', 'es2023', '--module', module];
      const ended = scene.node([tsc, ...options, '--moduleResolution', resolution, file], place);
      expect(ended).toEqual({ status: 0, stdout: '', stderr: '' });
      writeFileSync(join(place, file), `${source}\nexport const wrong: string = run([]);\n`);
      const wrong = scene.node([tsc, ...options, '--moduleResolution', resolution, file], place);
      expect(wrong.stdout).toContain('error TS2322');
    });
  });
});

/** What the tarball holds, and what those say of it whose business it is. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Scene } from './scene.js';

let scene: Scene;
let folder: string;
let files: string[];
beforeAll(() => {
  scene = new Scene();
  const place = scene.place('unpacked');
  execFileSync('tar', ['-xf', scene.tarball, '-C', place]);
  folder = join(place, 'package');
  files = (readdirSync(folder, { recursive: true }) as string[]).filter((file) =>
    statSync(join(folder, file)).isFile(),
  );
});
afterAll(() => scene.close());

test('runs and builds nothing when it is installed', () => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
    expect(manifest.scripts).not.toHaveProperty(script);
  }
  expect(manifest.gypfile).toBe(false);
  expect(manifest).not.toHaveProperty('dependencies');
  expect(files).not.toContain('binding.gyp');
});

test('holds a binary, the command, the library, its types and the documents, and no source', () => {
  const binaries = files.filter((file) => file.endsWith('.node'));
  expect(binaries).toEqual([`prebuilds/linux-${process.arch}/vfio-isolate.glibc.node`]);
  for (const file of binaries) expect(statSync(join(folder, file)).size).toBeLessThan(150 * 1024);
  for (const file of [
    ...['bin/vfio-isolate.js', 'bin/package.json', 'dist/main.cjs', 'dist/index.js', 'dist/index.d.ts'],
    ...['dist/man/vfio-isolate.8', 'dist/completions/_vfio-isolate', 'dist/third-party-licenses.txt'],
    ...['README.md', 'CHANGELOG.md', 'LICENSE'],
  ]) {
    expect(files).toContain(file);
  }
  expect(files.filter((file) => /^(native|test|bench|\.ci)\/|(?<!\.d)\.ts$|\.cc$/.test(file))).toEqual([]);
});

test('asks for no symbol that an older system lacks', () => {
  const [binary = ''] = files.filter((file) => file.endsWith('.node'));
  const symbols = execFileSync('objdump', ['-T', join(folder, binary)], { encoding: 'utf8' });
  const newest = (library: string) =>
    [...symbols.matchAll(new RegExp(`\\b${library}_([\\d.]+)`, 'g'))]
      .map(([, version = '']) => version)
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .at(-1) ?? '';
  expect(newest('GLIBC').localeCompare('2.28', 'en', { numeric: true })).toBeLessThanOrEqual(0);
  expect(newest('GLIBCXX').localeCompare('3.4.25', 'en', { numeric: true })).toBeLessThanOrEqual(0);
});

test('publint has nothing to say', () => {
  const { status, stdout, stderr } = spawnSync('npx', ['publint', 'run', '--strict', scene.tarball], {
    encoding: 'utf8',
  });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toContain('All good!');
});

test('its types are right for those who import it', () => {
  const { status, stdout, stderr } = spawnSync('npx', ['attw', scene.tarball, '--profile', 'esm-only'], {
    encoding: 'utf8',
  });
  expect(status, stdout + stderr).toBe(0);
});

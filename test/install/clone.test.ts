/** What the README has a user do with a clone, into a folder in place of the machine's own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageVersion } from '../../lib/version.js';
import { readmeBlock } from '../support/readme.js';
import { copyProject } from '../vm/build/project.js';
import { Scene } from './scene.js';

let scene: Scene;
beforeAll(() => {
  scene = new Scene();
});
afterAll(() => scene.close());

test('from a clone, by the line of the README', () => {
  const clone = join(scene.folder, 'clone');
  copyProject(fileURLToPath(new URL('../..', import.meta.url)), clone);
  rmSync(join(clone, 'node_modules'));
  const prefix = scene.place('prefix');
  const { status, stderr } = spawnSync('sh', ['-c', readmeBlock('Start', 0)], {
    cwd: clone,
    encoding: 'utf8',
    env: { ...process.env, npm_config_prefix: prefix },
  });
  expect(status, stderr).toBe(0);
  const version = execFileSync(join(prefix, 'bin/vfio-isolate'), ['--version'], { encoding: 'utf8' });
  expect(version).toBe(`${packageVersion()}\n`);
});

import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exec } from '../exec.js';
import { cached } from './cache.js';

/** The project that is packed; another one's folder for trying the harness itself. */
const project = process.env['VFIO_ISOLATE_VM_PACKAGE'] ?? fileURLToPath(new URL('../../../', import.meta.url));

/** Fills the folder with what `npm pack` makes and with an npm cache that holds all it depends on: a user's install, offline. */
export async function fillPackage(folder: string): Promise<void> {
  await exec('npm', ['pack', '--pack-destination', folder], project);
  await exec('sh', ['-c', 'mv ./*.tgz package.tgz'], folder);
  const { dependencies = {} } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
  const recipe = { builder: import.meta.url, ingredients: [dependencies, process.version] };
  const cache = await cached('npm-cache', recipe, async (into) => {
    const scratch = join(into, 'scratch');
    await mkdir(scratch);
    const options = ['--ignore-scripts', '--no-audit', '--cache', join(into, 'npm-cache'), '--prefix', scratch];
    await exec('npm', ['install', ...options, join(folder, 'package.tgz')], scratch);
    await exec('rm', ['-r', scratch, join(into, 'npm-cache/_logs')]);
  });
  await cp(join(cache, 'npm-cache'), join(folder, 'npm-cache'), { recursive: true });
}

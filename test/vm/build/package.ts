import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exec } from '../exec.js';
import { copyProject } from './project.js';

/** The project that is packed; another one's folder for trying the harness itself. */
const project = process.env['VFIO_ISOLATE_VM_PACKAGE'] ?? fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Fills the folder with what `npm pack` makes, which needs no other package and so installs offline. Beside it a package
 * whose command does nothing, which no check of an effect may pass.
 */
export async function fillPackage(folder: string): Promise<void> {
  const copy = join(folder, 'project');
  copyProject(project, copy);
  await pack(copy, folder, 'package.tgz');
  await rm(copy, { recursive: true });
  await packNoOp(folder);
}

async function pack(from: string, folder: string, name: string): Promise<void> {
  await exec('npm', ['pack', '--pack-destination', folder], from);
  await exec('sh', ['-c', 'mv ./vfio-isolate-*.tgz "$1"', 'sh', name], folder);
}

async function packNoOp(folder: string): Promise<void> {
  const scratch = join(folder, 'no-op');
  await mkdir(scratch);
  const manifest = { name: 'vfio-isolate-no-op', version: '0.0.0', bin: 'no-op' };
  await writeFile(join(scratch, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(scratch, 'no-op'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  await pack(scratch, folder, 'no-op.tgz');
  await rm(scratch, { recursive: true });
}

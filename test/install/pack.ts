/** Packs the project once for all tests. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { copyProject } from '../vm/build/project.js';

declare module 'vitest' {
  interface ProvidedContext {
    tarball: string;
  }
}

export default function pack({ provide }: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-pack-'));
  const copy = join(folder, 'project');
  copyProject(fileURLToPath(new URL('../..', import.meta.url)), copy);
  execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: copy, stdio: 'ignore' });
  const [name = ''] = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  provide('tarball', join(folder, name));
  return () => rmSync(folder, { recursive: true });
}

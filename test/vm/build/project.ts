import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** What is installed, built or measured; the first is linked to. */
const left = /^(node_modules|build|build-.*|dist|prebuilds|results|\.git)$/;

/** Copies the project's sources, so that it can be changed or packed while tests use what was built in its own folder. */
export function copyProject(project: string, copy: string): void {
  const root = join(project, '/');
  cpSync(root, copy, { recursive: true, filter: (path) => !left.test(path.slice(root.length)) });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
}

/** Programs in C that fork or start threads faster than a script can. Each ends once the file that it is given exists. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Why there are none here, or undefined where there are. */
export const noLoads: string | undefined = compiles() ? undefined : 'no C compiler';

function compiles(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @returns path of the program, in that folder */
export function compileLoad(name: 'hop' | 'relay', folder: string): string {
  const program = join(folder, name);
  execFileSync('cc', ['-O1', '-pthread', '-o', program, join(import.meta.dirname, `${name}.c`)]);
  return program;
}

/**
 * Trees of real machines (hwloc's and util-linux's test data), which the project does not carry. They hold /sys and little
 * of /proc: no interrupts, no cgroup mounts that mountinfo tells of, no tasks. What a test needs of these it lays over.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../shared/topologies/', import.meta.url));

/** Path of an archive, or undefined where it is not at hand. */
export function archiveOf(name: string): string | undefined {
  return ['tar.bz2', 'tar.gz'].map((kind) => `${FOLDER}${name}.${kind}`).find((path) => existsSync(path));
}

/** Unpacks what tells of CPUs, nodes and frequency policies. @returns the folder that holds sys */
export function unpack(archive: string, into: string): string {
  // Without what lies deeper in a CPU's directory: thousands of files that nobody reads.
  const members = ['--wildcards', '*/sys/devices/system/*', '--exclude=*/cpu[0-9]*/*/*', '--exclude=*/stats/*'];
  execFileSync('tar', ['-x', '-f', archive, '-C', into, ...members]);
  const [root = ''] = readdirSync(into);
  return join(into, root);
}

/** The names of all that an archive holds. */
export function contentsOf(archive: string): string[] {
  return execFileSync('tar', ['-t', '-f', archive], { encoding: 'utf8', maxBuffer: 1 << 28 }).split('\n');
}

/** The kernel files that this tool writes to. A path from an undo record that matches none of them is refused. */
import { VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { CPUFREQ_FILES } from './cpufreq.js';
import { CPUSET_FILES } from './cpuset-files.js';
import { locate } from './door.js';
import { IRQ_FILES } from './irq.js';
import { IRQ_DEFAULT_FILES } from './irq-default.js';
import type { KernelFile } from './kernel-file.js';
import { MEMORY_FILES } from './memory.js';
import { X3D_FILES } from './x3d.js';

const FILES: readonly KernelFile[] = [
  ...CPUSET_FILES,
  ...IRQ_FILES,
  ...IRQ_DEFAULT_FILES,
  ...CPUFREQ_FILES,
  ...MEMORY_FILES,
  ...X3D_FILES,
];

/** @throws VfioIsolateError for a file that this tool does not write to, and for a text that no such file can hold */
export function requireTexts(host: Host, path: string, texts: readonly string[]): void {
  const file = kernelFile(host, path);
  for (const text of texts) file.same(text, text, `the value of ${path}`);
}

/**
 * What is known of a kernel file.
 * @throws VfioIsolateError `ERR_STATE` where it is none that this tool writes to
 */
export function kernelFile(host: Host, path: string): KernelFile {
  const { root, relative } = locate(host, path);
  const found = FILES.find((file) => file.root === root && file.pattern.test(relative));
  if (found === undefined) {
    throw new VfioIsolateError('ERR_STATE', `${path} is no kernel file that this tool writes to`);
  }
  return found;
}

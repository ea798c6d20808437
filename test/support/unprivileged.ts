/** Refusals that root never meets: a stand-in tree is handed to another user, and the test becomes that user. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Host } from '../../lib/host.js';

const NOBODY = 65534;

/**
 * Runs something as a user who owns the tree, and may not write to some of its files: each answers EACCES.
 * @param readOnly paths below the tree: `proc/irq/9/smp_affinity_list`
 */
export async function withReadOnly<T>(host: Host, readOnly: readonly string[], act: () => Promise<T>): Promise<T> {
  const folder = dirname(host.proc);
  for (const path of readOnly) chmodSync(`${folder}/${path}`, 0o444);
  if (process.geteuid?.() !== 0) return act();
  execFileSync('chown', ['-R', String(NOBODY), folder]);
  process.seteuid?.(NOBODY);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

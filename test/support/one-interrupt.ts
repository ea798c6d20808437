/** A tree with one interrupt, and a record of what was done to it. */
import { dirname } from 'node:path';
import type { Host } from '../../lib/host.js';
import { recordFile } from './record.js';
import { cpus, hostTree } from './tree.js';

export const BOOT = 'this boot';

export interface OneInterrupt {
  readonly host: Host;
  /** Name of the record. */
  readonly undo: string;
  /** Where the record lies. */
  readonly file: string;
  /** Path of the interrupt's list of CPUs. */
  readonly mask: string;
}

/** @param files of the tree beside these, as {@link hostTree} takes them */
export function oneInterrupt(files: Readonly<Record<string, string>> = {}): OneInterrupt {
  const host = hostTree({
    ...cpus('0-7'),
    'proc/sys/kernel/random/boot_id': BOOT,
    'proc/irq/9/smp_affinity_list': '4-7',
    ...files,
  });
  const undo = `${dirname(host.sys)}/undo`;
  return { host, undo, file: recordFile(undo, host), mask: `${host.proc}/irq/9/smp_affinity_list` };
}

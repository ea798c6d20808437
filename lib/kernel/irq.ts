/** Interrupt affinities (core-api/irq/irq-affinity.rst). */
import { type Host, readIfThere } from '../host.js';
import type { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { type KernelFile, sameList } from './kernel-file.js';

export interface Interrupt {
  readonly number: number;
  /** Path of its smp_affinity_list. */
  readonly path: string;
  /** What was asked for, not what holds: effective_affinity may lag. */
  readonly affinity: Bitmap;
}

/** Every interrupt that has an affinity, by ascending number. */
export function readInterrupts(host: Host): Interrupt[] {
  const numbers = host
    .list(`${host.proc}/irq`)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  return numbers.flatMap((number) => {
    const path = `${host.proc}/irq/${number}/smp_affinity_list`;
    const text = readIfThere(host, path);
    if (text === undefined) return [];
    return [{ number, path, affinity: parseList(text, path) }];
  });
}

/** The CPUs that an interrupt really goes to; none where the kernel does not tell, or the interrupt is not in use. */
export function effectiveAffinity(host: Host, { number }: Interrupt): Bitmap {
  const path = `${host.proc}/irq/${number}/effective_affinity_list`;
  return parseList(readIfThere(host, path) ?? '', path);
}

/** Whether that is how an interrupt refuses whose affinity nobody may set, whatever the CPUs. */
export function isFixed(code: string | undefined): boolean {
  return code !== undefined && code in FIXED;
}

const REASON = 'its affinity is fixed (managed by its driver, or per CPU)';
/**
 * 6.1 leaves the file writable and answers EIO; 6.12 makes it read-only, so that write says EPERM, or open EACCES to one
 * who may not override that.
 */
const FIXED = { EIO: REASON, EPERM: REASON, EACCES: REASON };

export const IRQ_FILES: readonly KernelFile[] = [
  {
    root: 'proc',
    pattern: /^irq\/\d+\/smp_affinity_list$/,
    same: sameList,
    drifts: true,
    refusals: {
      ...FIXED,
      ENOSPC: 'the CPUs left have no free interrupt vector',
      ENOENT: 'it was released meanwhile',
    },
    explain: (error) =>
      error.code === 'EINVAL' ? { reason: 'no CPU of the mask is online', remedy: 'leave some CPU to interrupts' } : {},
  },
];

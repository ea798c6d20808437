/** The affinity that interrupts begin with, as those of a VFIO device do (core-api/irq/irq-affinity.rst). */
import { type Host, readIfThere } from '../host.js';
import type { Bitmap } from '../sets/bitmap.js';
import { parseMask } from '../sets/mask.js';
import { type Interrupt, readInterrupts } from './irq.js';
import type { Inheritance, KernelFile } from './kernel-file.js';
import { readTopology, type Topology } from './topology.js';

export interface DefaultAffinity {
  readonly path: string;
  readonly affinity: Bitmap;
}

/** The mask that interrupts requested from now on begin with. */
export function readDefaultAffinity(host: Host): DefaultAffinity | undefined {
  const path = `${host.proc}/irq/default_smp_affinity`;
  const text = readIfThere(host, path);
  return text === undefined ? undefined : { path, affinity: parseMask(text, path) };
}

/** Whether an interrupt has what it would have, had it been requested under that default. */
function looksBorn(host: Host, interrupt: Interrupt, standard: Bitmap, topology: Topology): boolean {
  const { affinity } = interrupt;
  if (affinity.equals(standard)) return true;
  return affinity.isSubsetOf(standard) && affinity.equals(beginning(host, interrupt, standard, topology));
}

/** The online part of the default, and of that what is on the device's node, if anything is (irq_setup_affinity). */
function beginning(host: Host, { number }: Interrupt, standard: Bitmap, { online, nodes }: Topology): Bitmap {
  const part = standard.intersect(online);
  const all = part.isEmpty ? online : part;
  const near = nodes.cpus.get(Number(readIfThere(host, `${host.proc}/irq/${number}/node`) ?? -1))?.intersect(all);
  return near === undefined || near.isEmpty ? all : near;
}

/** The interrupts that were requested under a default that was given, each with what it would have begun with without. */
function heirs(host: Host, { given, first, known }: Inheritance) {
  const topology = readTopology(host);
  const [narrow, wide] = [parseMask(given), parseMask(first)];
  const others = new Set(known);
  return readInterrupts(host)
    .filter((one) => !others.has(one.number) && looksBorn(host, one, narrow, topology))
    .map((one) => ({ target: one.path, from: one.affinity, to: beginning(host, one, wide, topology) }))
    .filter(({ from, to }) => !from.equals(to))
    .map(({ target, from, to }) => ({ target, from: from.toString(), to: to.toString() }));
}

export const IRQ_DEFAULT_FILES: readonly KernelFile[] = [
  {
    root: 'proc',
    pattern: /^irq\/default_smp_affinity$/,
    same: (a, b, source) => parseMask(a, source).equals(parseMask(b, source)),
    heirs,
  },
];

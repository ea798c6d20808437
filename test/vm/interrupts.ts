import type { Guest } from './guest.js';

/** The interrupts that refuse any mask on this host, found by writing to each the mask it has. */
export async function refusingInterrupts(guest: Guest): Promise<number[]> {
  const found = await guest.must(`
    cd /proc/irq
    for irq in [0-9]*; do
      { cat $irq/smp_affinity_list >$irq/smp_affinity_list; } 2>/dev/null || echo $irq
    done`);
  return found.split('\n').filter(Boolean).map(Number);
}

import { expect } from 'vitest';
import { cpusetOf, flag, type Snapshot, type Task } from './snapshot.js';

// Each check begins its message with what it looked at, so that one that fails for another reason is told apart.

export interface Isolation {
  /** A cpuset whose tasks, with those below it, may use the isolated CPUs. */
  readonly except?: string;
  /** Kernel threads may stay on the isolated CPUs, as where only systemd's slices are narrowed. */
  readonly kernelThreadsStay?: boolean;
}

/**
 * Nothing that could be kept off these CPUs may run on them. Left out: what is bound to its CPU, kthreadd (no cpuset takes
 * it), and kswapd and kcompactd, which serve a memory node and would lose it for good by a move.
 */
export function expectIsolated(snapshot: Snapshot, cpus: string, { except, kernelThreadsStay }: Isolation = {}): void {
  const isolated = new Set(cpuList(cpus));
  const mayRunThere = Object.values(snapshot.tasks).filter(
    (task) =>
      !(task.flags & flag.unmovable) &&
      !(task.flags & flag.kernelThread && /^(kthreadd|kswapd\d+|kcompactd\d+)$/.test(task.name)) &&
      !(kernelThreadsStay && task.flags & flag.kernelThread) &&
      !(except && within(task, except)) &&
      cpuList(task.cpus).some((cpu) => isolated.has(cpu)),
  );
  expect(mayRunThere.map(shown), `tasks on CPUs ${cpus}`).toEqual([]);
}

/** The cpuset exists, has members, and each of them may run only on those CPUs. */
export function expectConfined(snapshot: Snapshot, cpuset: string, cpus: string): void {
  const allowed = new Set(cpuList(cpus));
  const members = Object.values(snapshot.tasks).filter(
    (task) => within(task, cpuset) && !(task.flags & flag.unmovable),
  );
  expect(members.length, `number of tasks in ${cpuset}`).toBeGreaterThan(0);
  const astray = members.filter((task) => cpuList(task.cpus).some((cpu) => !allowed.has(cpu)));
  expect(astray.map(shown), `tasks in ${cpuset} beyond CPUs ${cpus}`).toEqual([]);
}

/** Every task of that name may run on exactly these CPUs, and there is one. */
export function expectMask(snapshot: Snapshot, name: string, cpus: string): void {
  const masks = Object.values(snapshot.tasks).flatMap((task) => (task.name === name ? [task.cpus] : []));
  expect(new Set(masks), `CPUs of ${name}`).toEqual(new Set([cpus]));
}

/** These CPUs have that governor. */
export function expectGovernor(snapshot: Snapshot, cpus: string, governor: string): void {
  const found = cpuList(cpus).map(
    (cpu) => snapshot.files[`/sys/devices/system/cpu/cpufreq/policy${cpu}/scaling_governor`],
  );
  expect(new Set(found), `governors of CPUs ${cpus}`).toEqual(new Set([governor]));
}

/** No interrupt may go to these CPUs but those that refuse to be moved, none requested later will, and some have moved. */
export function expectInterruptsOff(snapshot: Snapshot, cpus: string, refusing: readonly number[]): void {
  const isolated = new Set(cpuList(cpus));
  const masks = Object.entries(snapshot.files).flatMap(([path, mask]) => {
    const irq = /^\/proc\/irq\/(\d+)\/smp_affinity_list$/.exec(path)?.[1];
    return irq && !refusing.includes(Number(irq)) ? [{ irq, mask }] : [];
  });
  expect(masks.length, 'number of interrupts that can be moved').toBeGreaterThan(0);
  const left = masks.filter(({ mask }) => cpuList(mask).some((cpu) => isolated.has(cpu)));
  expect(
    left.map(({ irq, mask }) => `${irq} on ${mask}`),
    `interrupts on CPUs ${cpus}`,
  ).toEqual([]);
  const later = BigInt(`0x${snapshot.files['/proc/irq/default_smp_affinity']?.replaceAll(',', '')}`);
  const stillThere = [...isolated].filter((cpu) => (later >> BigInt(cpu)) & 1n);
  expect(stillThere, `CPUs of later interrupts among ${cpus}`).toEqual([]);
}

/** The kernel has dropped its page cache and its reclaimable slab meanwhile. */
export function expectCachesDropped(before: Snapshot, after: Snapshot): void {
  expectMore(before, after, 'drop_pagecache');
  expectMore(before, after, 'drop_slab');
}

/** The kernel has gone over memory meanwhile, to make what is free contiguous. */
export function expectCompacted(before: Snapshot, after: Snapshot): void {
  expectMore(before, after, 'compact_migrate_scanned');
}

function expectMore(before: Snapshot, after: Snapshot, event: string): void {
  expect(after.events[event], `count of ${event}`).toBeGreaterThan(before.events[event] ?? Number.NaN);
}

const shown = (task: Task) => `${task.name} (${task.process}) on ${task.cpus} in ${cpusetOf(task)}`;

function within(task: Task, cpuset: string): boolean {
  return `${cpusetOf(task)}/`.startsWith(`${cpuset}/`.replace(/^\/+$/, '/'));
}

/** The kernel's list format, as it prints it; read here without the library, which is what is on trial. */
export function cpuList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    if (range === '') return [];
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

import {
  expectCachesDropped,
  expectCompacted,
  expectConfined,
  expectGovernor,
  expectInterruptsOff,
  expectIsolated,
  expectMask,
} from './effects.js';
import type { Guest } from './guest.js';
import type { Host } from './host.js';
import { sleepers } from './sleepers.js';
import type { Snapshot } from './snapshot.js';

/** One use of the tool, and how its effect shows from outside. */
export interface Use {
  readonly what: string;
  readonly chain: readonly string[];
  /** Brings about what the chain is for; the result takes that away again. */
  readonly setUp?: (guest: Guest) => Promise<() => Promise<void>>;
  readonly expectEffect: (seen: Seen) => void;
  /** How the message of `expectEffect` begins where the tool did nothing. */
  readonly without: RegExp;
}

export interface Seen {
  readonly before: Snapshot;
  readonly during: Snapshot;
  /** The interrupts that take no mask on this host. */
  readonly refusing: readonly number[];
}

/** Tasks with masks of their own: partly, not at all, and wholly within the housekeeping CPUs 0 and 1. */
const masks = { 'on-1,3': '1,3', 'on-3': '3', 'on-1': '1' };

/** What the tool is used for. */
export function usesOn(host: Host): Use[] {
  const isolated = `2-${host.cpus - 1}`;
  const interrupts: Use = {
    what: 'irq-affinity',
    chain: ['irq-affinity', 'mask', `C${isolated}`],
    expectEffect: ({ during, refusing }) => expectInterruptsOff(during, isolated, refusing),
    without: /^interrupts on CPUs/,
  };
  const governors: Use = {
    what: 'cpu-governor',
    chain: ['cpu-governor', 'performance', `C${isolated}`],
    expectEffect: ({ during }) => expectGovernor(during, isolated, 'performance'),
    without: /^governors of CPUs/,
  };
  const caches: Use = {
    what: 'drop-caches',
    chain: ['drop-caches'],
    expectEffect: ({ before, during }) => expectCachesDropped(before, during),
    without: /^count of drop_pagecache/,
  };
  const compaction: Use = {
    what: 'compact-memory',
    chain: ['compact-memory'],
    expectEffect: ({ before, during }) => expectCompacted(before, during),
    without: /^count of compact_migrate_scanned/,
  };
  const uses = [moveOn(host), interrupts, governors, caches, compaction];
  // one at a time on the small hosts, where that takes seconds
  return host.systemd ? [inOneChain(uses)] : [...uses, inOneChain(uses)];
}

/** The housekeeping cpuset: for the whole host on v1; with systemd on v2, for tasks in slices that the tool made. */
export function moveOn(host: Host): Use {
  const whole = host.hierarchy !== 'v2' || !host.systemd;
  const source = whole ? '/' : '/home.slice';
  return {
    what: 'cpuset-create and move-tasks',
    chain: ['cpuset-create', '--cpus', 'C0-1', '/host.slice', 'move-tasks', source, '/host.slice'],
    setUp: (guest) => (whole ? sleepers(guest, masks) : sleepersInSlice(guest, source)),
    expectEffect: ({ during }) => {
      expectConfined(during, '/host.slice', '0-1');
      if (whole) expectIsolated(during, `2-${host.cpus - 1}`);
      expectMask(during, 'on-1,3', '1');
      // none of its CPUs is left to it
      expectMask(during, 'on-3', '0-1');
      expectMask(during, 'on-1', '1');
    },
    without: /^number of tasks in \/host\.slice/,
  };
}

async function sleepersInSlice(guest: Guest, slice: string): Promise<() => Promise<void>> {
  await guest.must(`vfio-isolate -u /tmp/undo_home cpuset-create --cpus Call ${slice}`);
  const end = await sleepers(guest, masks, `/sys/fs/cgroup${slice}/tasks/cgroup.procs`);
  return async () => {
    await end();
    await guest.must('vfio-isolate restore /tmp/undo_home');
  };
}

function inOneChain(uses: readonly Use[]): Use {
  return {
    what: 'all of it in one chain',
    chain: uses.flatMap(({ chain }) => chain),
    setUp: async (guest) => {
      const undo: (() => Promise<void>)[] = [];
      for (const { setUp } of uses) if (setUp) undo.push(await setUp(guest));
      return async () => {
        for (const takeAway of undo.reverse()) await takeAway();
      };
    },
    expectEffect: (seen) => {
      for (const { expectEffect } of uses) expectEffect(seen);
    },
    without: uses[0]?.without ?? /^$/,
  };
}

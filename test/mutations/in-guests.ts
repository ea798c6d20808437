import type { Mutation } from './mutation.js';

const skipFirst = (what: string) =>
  `if (${what} && globalThis.skipped !== true) { globalThis.skipped = true; return { steps: [] }; }`;

/** Faults of the kind that a restore must not have; the package that has one is installed in a guest. */
export const inGuests: readonly Mutation[] = [
  {
    fault: 'the undo skips one interrupt',
    file: 'lib/steps/file/back.ts',
    from: 'if (first === null) return { steps: [] };',
    to: skipFirst("target.includes('/irq/')"),
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'irq-affinity takes effect'],
  },
  {
    fault: 'the undo skips one governor',
    file: 'lib/steps/file/back.ts',
    from: 'if (first === null) return { steps: [] };',
    to: skipFirst("target.endsWith('scaling_governor')"),
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'cpu-governor takes effect'],
  },
  {
    fault: 'interrupts that are requested later are forgotten',
    file: 'lib/actions/irq-affinity.ts',
    from: 'steps: [...steps, ...later],',
    to: 'steps: [...steps, ...later.slice(1)],',
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'irq-affinity takes effect'],
  },
  {
    fault: 'only the page cache is dropped',
    file: 'lib/actions/drop-caches.ts',
    from: "'3')",
    to: "'1')",
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'drop-caches takes effect'],
  },
  {
    fault: 'the controller is enabled on the target as well',
    file: 'lib/actions/cpusets/v2.ts',
    from: 'enabling(host, hierarchy, parentOf(directory), lists), ...writes]',
    to: 'enabling(host, hierarchy, directory, lists), ...writes]',
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'a populated cgroup is narrowed'],
  },
  {
    fault: 'the controller stays enabled',
    file: 'lib/steps/controller.ts',
    from: 'return { steps: [noLonger(target)] };',
    to: 'return { steps: [] };',
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'controllers are enabled from the top down'],
  },
  {
    fault: 'what was made below a home keeps it from taking tasks',
    file: 'lib/steps/controller.ts',
    from: 'settle && lasting === undefined',
    to: 'false',
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'tasks go home from'],
  },
  {
    fault: 'a home that takes no tasks is settled for less',
    file: 'lib/steps/controller.ts',
    from: "from === 'off' ? target : undefined),",
    to: "from === 'on' ? target : undefined),",
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'tasks stay where they are, and on record'],
  },
  {
    fault: 'a populated cgroup is not widened before it is given up',
    file: 'lib/steps/file/apply.ts',
    from: 'if (nearest !== undefined) return empty(host, file, target, nearest);',
    to: 'if (nearest !== undefined) return { changed: 1 };',
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'a populated cgroup is narrowed'],
  },
  {
    fault: 'the first cgroup mount is taken for that of the cpusets',
    file: 'lib/kernel/mounts.ts',
    from: "return carriers.find(({ root }) => root === '/') ?? noneWhole(carriers, knownOf(host).mounts);",
    to: "return { ...carriers[0], version: 1, mountPoint: knownOf(host).mounts[0]?.mountPoint ?? '', prefix: 'cpuset.', others: [] };",
    tests: ['test/vm/6.1-v1-small.vm.test.ts', 'cpuset-create and move-tasks takes effect'],
  },
  {
    fault: 'only the first policy gets the governor',
    file: 'lib/actions/cpu-governor.ts',
    from: 'steps: policies.flatMap(',
    to: 'steps: policies.slice(0, 1).flatMap(',
    tests: ['test/vm/6.12-v2-small.vm.test.ts', 'cpu-governor takes effect'],
  },
  {
    fault: 'masks that the kernel forgot are not given back',
    file: 'lib/steps/masks.ts',
    from: '(masks.length === 0 ? []',
    to: '(masks.length >= 0 ? []',
    tests: ['test/vm/6.1-v1-small.vm.test.ts', 'cpuset-create and move-tasks takes effect'],
  },
  {
    fault: 'a mask that the kernel gave and forgot waits for the restore',
    file: 'lib/steps/masks.ts',
    from: 'await setMasks(host, forgottenMasks(host, changed), control)',
    to: 'await setMasks(host, forgottenMasks(host, []), control)',
    tests: ['test/vm/6.12-v2-isolcpus.vm.test.ts', 'partly in it'],
  },
  {
    fault: 'what is born while its cpuset is narrowed keeps all CPUs',
    file: 'lib/steps/mask-heirs.ts',
    from: 'if (isLost && isLess)',
    to: 'if (!isLost && isLess)',
    tests: ['test/vm/6.12-v2-isolcpus.vm.test.ts', 'what starts while its cpuset is narrowed'],
  },
  {
    fault: 'a cpuset is narrowed by what nothing in it may use',
    file: 'lib/actions/cpusets/isolated.ts',
    from: 'if (asked === undefined || isolated.isEmpty)',
    to: 'if (asked === undefined || !isolated.isEmpty)',
    tests: ['test/vm/6.12-v2-isolcpus.vm.test.ts', 'a cpuset of which nothing may run'],
  },
  {
    fault: 'a unit is cleared without being widened first',
    file: 'lib/steps/property.ts',
    from: 'await set(host, setting, inheritedList(host, hierarchy, owner.directory, list).toString());',
    to: 'inheritedList(host, hierarchy, owner.directory, list);',
    tests: ['test/vm/debian-13.vm.test.ts', 'memory nodes are narrowed likewise'],
  },
  {
    fault: 'the drop-in of a unit is left',
    file: 'lib/steps/property.ts',
    from: 'if (!to.dropIn) removeDropIn(',
    to: 'if (to.dropIn && !to.dropIn) removeDropIn(',
    tests: ['test/vm/debian-13.vm.test.ts', 'what runs, a login, and what starts later'],
  },
  {
    fault: "what a CPU took along is taken for somebody's change",
    file: 'lib/steps/file/back.ts',
    from: 'if (file.mayHaveShrunk?.(host, target, present, last)) {',
    to: 'if (false) {',
    tests: ['test/faults/hotplug-v1.test.ts', 'all that a CPU took along'],
  },
];

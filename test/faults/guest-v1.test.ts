import { describeOn } from '../vm/describe-on.js';
import { smallHost } from '../vm/host.js';
import { faultsInGuest } from './suites/faults-in-guest.js';

const host = smallHost({ kernel: '6.1', hierarchy: 'v1', name: '6.1-v1-two', cpus: 2, nodes: 1, lifetime: 10_800 });

describeOn(host, function faultsOnV1(guest) {
  faultsInGuest(guest, {
    place: 'v1 guest',
    root: '/sys/fs/cgroup/cpuset',
    ready: 'echo 0-1 >cpuset.cpus; echo 0 >cpuset.mems',
    hook: `drop-caches cpuset-create --cpus C0 -mm /host.slice cpuset-create -nlb /machine.slice
      move-tasks / /host.slice compact-memory irq-affinity mask C1 cpu-governor performance C0-1`,
    cpusets: `cpuset-create --cpus C1 /guest move-tasks /busy /guest cpuset-modify --cpus C0-1 /guest
      cpuset-delete /idle task-affinity C0 2`,
    // the others are tried in place
    singles: ['drop-caches', 'compact-memory', 'cpu-governor performance C0-1', 'irq-affinity mask C1'],
  });
});

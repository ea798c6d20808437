import { describeOn } from '../vm/describe-on.js';
import { smallHost } from '../vm/host.js';
import { faultsInGuest } from './suites/faults-in-guest.js';

const host = smallHost({ kernel: '6.12', hierarchy: 'v2', name: '6.12-v2-two', cpus: 2, nodes: 1, lifetime: 10_800 });

describeOn(host, function faultsOnV2(guest) {
  faultsInGuest(guest, {
    place: 'v2 guest',
    root: '/sys/fs/cgroup',
    ready: '',
    hook: `drop-caches cpu-governor performance C0-1 cpuset-modify --cpus C0 /busy compact-memory
      irq-affinity mask C1 task-affinity C0 2`,
    cpusets: `cpuset-create --cpus C1 /guest move-tasks /busy /guest cpuset-modify --cpus C0-1 /guest
      cpuset-delete /idle`,
    singles: [
      'drop-caches',
      'compact-memory',
      'cpu-governor performance C0-1',
      'irq-affinity mask C1',
      'task-affinity C0 2',
      'cpuset-create --cpus C0 /guest',
      'cpuset-modify --cpus C0 /busy',
      'move-tasks /busy /idle',
      'cpuset-delete /idle',
    ],
  });
});

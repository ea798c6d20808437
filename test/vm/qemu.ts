import { cpufreqTable } from './build/cpufreq.js';
import { initramfs } from './build/initramfs.js';
import { kernel } from './build/kernel.js';
import { nodeDisk } from './build/node.js';
import { busyboxRoot, debianRoot } from './build/rootfs.js';
import type { Hierarchy, Host } from './host.js';

export const program = 'qemu-system-x86_64';

export type Acceleration = 'tcg' | 'kvm';

/** Emulation, unless VFIO_ISOLATE_VM_ACCEL=kvm asks for more: /dev/kvm may be there and yet run no guest. */
export const acceleration = (): Acceleration => (process.env['VFIO_ISOLATE_VM_ACCEL'] === 'kvm' ? 'kvm' : 'tcg');

/** How the command line of systemd 252 asks for each hierarchy. */
const systemdHierarchy: Record<Hierarchy, string> = {
  v1: 'systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=yes',
  hybrid: 'systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=no',
  v2: 'systemd.unified_cgroup_hierarchy=1',
};

export interface Folders {
  /** Shared with the guest as /vm. */
  readonly job: string;
  /** Shared as /opt/package. */
  readonly package: string;
}

/** QEMU's arguments for that host; builds what is not there yet. The console is the first serial line, the second rings. */
export async function qemuArguments(host: Host, folders: Folders, acceleration: Acceleration): Promise<string[]> {
  const core = await kernel(host.kernel);
  const root = host.systemd ? await debianRoot() : await busyboxRoot();
  return [
    // One thread for all CPUs: with one each, a CPU may run what another has just rewritten (a static key), an Oops; and a
    // machine with as many guests as cores has nothing to gain by more.
    ...['-accel', acceleration === 'kvm' ? 'kvm' : 'tcg,thread=single'],
    ...['-nodefaults', '-no-reboot', '-display', 'none'],
    ...processors(host),
    ...['-acpitable', `file=${await cpufreqTable(host.cpus)}`],
    ...['-kernel', core.image, '-initrd', await initramfs(core), '-append', commandLine(host)],
    // virtio-blk's own default: a queue, and so a managed interrupt that refuses to be moved, for every CPU
    ...['-drive', `file=${root},format=raw,if=none,snapshot=on,id=root`, '-device', 'virtio-blk-pci,drive=root'],
    ...['-drive', `file=${await nodeDisk()},format=raw,if=none,readonly=on,id=node`],
    ...['-device', 'virtio-blk-pci,drive=node,num-queues=1'],
    // a card without a wire: interrupts that can be moved, one a queue
    ...['-netdev', 'user,id=net,restrict=on', '-device', 'virtio-net-pci,netdev=net,romfile='],
    ...shared('job', folders.job, 'none'),
    ...shared('modules', core.modules, 'none', true),
    ...shared('package', folders.package, 'none', true),
  ];
}

function processors({ cpus, nodes, nodeCpus, smt, megabytes }: Host): string[] {
  const threads = smt ? 2 : 1;
  const perNode = cpus / nodes;
  const memory = Math.floor(megabytes / nodes);
  const numa = Array.from({ length: nodes }, (_, node) => {
    const ranges = nodeCpus?.[node]?.split(',') ?? [`${node * perNode}-${(node + 1) * perNode - 1}`];
    return [
      ...['-object', `memory-backend-ram,id=m${node},size=${memory}M`],
      ...['-numa', `node,nodeid=${node},${ranges.map((range) => `cpus=${range},`).join('')}memdev=m${node}`],
    ];
  });
  // a model whose threads 6.1 sees as siblings too: of QEMU 7.2's EPYC and max it does not
  return [
    ...['-cpu', 'Skylake-Server', '-smp', `${cpus},sockets=${nodes},cores=${perNode / threads},threads=${threads}`],
    ...['-m', `${memory * nodes}M`, ...numa.flat()],
  ];
}

function commandLine(host: Host): string {
  // an Oops ends the guest at once (-no-reboot), instead of a test's time limit later
  const always = 'console=ttyS0,115200 earlyprintk=ttyS0,115200 rw loglevel=7 mitigations=off oops=panic panic=-1';
  const own = host.systemd
    ? `systemd.show_status=error systemd.default_timeout_start_sec=300 net.ifnames=0 ${systemdHierarchy[host.hierarchy]}`
    : `vm.hierarchy=${host.hierarchy} vm.name=${host.name}`;
  return [always, own, host.boot].filter(Boolean).join(' ');
}

const shared = (tag: string, path: string, security: string, readonly = false) => [
  '-virtfs',
  `local,path=${path},mount_tag=${tag},security_model=${security},id=${tag}${readonly ? ',readonly=on' : ''}`,
];

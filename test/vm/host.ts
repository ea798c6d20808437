export type KernelVersion = '6.1' | '6.12' | '7.2';
export type Hierarchy = 'v1' | 'hybrid' | 'v2';

/** A whole machine, as a test names it. */
export interface Host {
  readonly name: string;
  readonly kernel: KernelVersion;
  /** Where the cpuset controller is; hybrid is v1 with an empty cgroup2 beside it, which only systemd makes. */
  readonly hierarchy: Hierarchy;
  /** All of the Debian release that the kernel belongs to, systemd and libvirt too; else busybox and nothing else. */
  readonly systemd: boolean;
  /** What its administrator has added to the kernel's command line. */
  readonly boot?: string;
  readonly cpus: number;
  readonly nodes: number;
  /** The CPUs of each node, as cpulists; equal shares in order where unsaid. */
  readonly nodeCpus?: readonly string[];
  /** Two threads a core: CPUs 2n and 2n+1 are siblings. */
  readonly smt: boolean;
  readonly megabytes: number;
  /** Seconds after which the guest is ended, whatever it does. */
  readonly lifetime: number;
}

type Shape = Pick<Host, 'kernel' | 'hierarchy'> & Partial<Host>;

/** With the systemd, libvirt and AppArmor of the kernel's Debian release: 12 (systemd 252), 13 (257) or forky (262). */
export function systemdHost(shape: Shape): Host {
  const name = `${shape.kernel}-${shape.hierarchy}`;
  return { name, systemd: true, cpus: 16, nodes: 2, smt: true, megabytes: 2048, lifetime: 2400, ...shape };
}

/** Busybox and nothing else: booted in seconds. */
export function smallHost(shape: Shape): Host {
  const name = `${shape.kernel}-${shape.hierarchy}-small`;
  return { name, systemd: false, cpus: 4, nodes: 2, smt: false, megabytes: 1024, lifetime: 1200, ...shape };
}

/** Whether the kernel takes an empty list for a cpuset on v2 that holds tasks; else an equal one is the nearest. */
export const takesEmptyLists = ({ kernel }: Host): boolean => kernel === '7.2';

/** Two CPUs kept free from boot on, and interrupts handled by threads. */
const isolated = 'isolcpus=2-3 nohz_full=2-3 threadirqs';

/**
 * The hosts that every release is tried on, of the sizes that the original's README has: 12 CPUs on v1, 32 on v2. A test
 * that needs another size describes its own.
 */
export const hosts = {
  '6.1-v1': systemdHost({ kernel: '6.1', hierarchy: 'v1', cpus: 12 }),
  '6.1-hybrid': systemdHost({ kernel: '6.1', hierarchy: 'hybrid', cpus: 12, nodes: 1 }),
  '6.1-v2': systemdHost({ kernel: '6.1', hierarchy: 'v2', cpus: 32 }),
  'debian-13': systemdHost({ name: 'debian-13', kernel: '6.12', hierarchy: 'v2', cpus: 32 }),
  'debian-forky': systemdHost({ name: 'debian-forky', kernel: '7.2', hierarchy: 'v2', cpus: 32, lifetime: 3600 }),
  'debian-13-isolcpus': systemdHost({
    name: 'debian-13-isolcpus',
    kernel: '6.12',
    hierarchy: 'v2',
    cpus: 32,
    boot: isolated,
  }),
  '6.1-v1-small': smallHost({ kernel: '6.1', hierarchy: 'v1' }),
  '6.1-v2-small': smallHost({ kernel: '6.1', hierarchy: 'v2' }),
  '6.12-v2-small': smallHost({ kernel: '6.12', hierarchy: 'v2' }),
  '6.12-v2-isolcpus': smallHost({
    name: '6.12-v2-isolcpus',
    kernel: '6.12',
    hierarchy: 'v2',
    cpus: 12,
    boot: isolated,
  }),
  '7.2-v2-small': smallHost({ kernel: '7.2', hierarchy: 'v2' }),
} satisfies Record<string, Host>;

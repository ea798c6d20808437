/** Which cgroup hierarchy carries the cpuset controller, and where (cgroups(7), cgroup-v1/cpusets.rst, cgroup-v2.rst). */
import { openSync } from 'node:fs';
import { VfioIsolateError } from '../errors.js';
import { type Host, look, readIfThere } from '../host.js';
import { type CgroupMount, native } from '../native.js';

/** statfs f_type (include/uapi/linux/magic.h). */
export const CGROUP_V1 = 0x27e0eb;
export const CGROUP_V2 = 0x63677270;

export interface CpusetHierarchy {
  readonly version: 1 | 2;
  /** Where it is mounted; the directory of its root cgroup. */
  readonly mountPoint: string;
  /** Begins the names of its cpuset files: empty on v1 mounted with `noprefix` (as `mount -t cpuset` does). */
  readonly prefix: 'cpuset.' | '';
  /** Other controllers that the same cgroups carry. */
  readonly others: readonly string[];
}

/** A mount of a hierarchy that carries the cpuset controller; its root is `/` but for a bind mount or a namespace. */
type Carrier = CpusetHierarchy & Pick<CgroupMount, 'root' | 'type'>;

interface Known {
  readonly edition: number | string;
  readonly mounts: CgroupMount[];
  carriers?: readonly Carrier[];
}

/** What is known as long as the mounts are the same: a path is looked up for every step, a cgroup for every task. */
const known = new WeakMap<Host, Known>();

function knownOf(host: Host): Known {
  const edition = host.live ? liveEdition(host) : host.read(`${host.proc}/self/mountinfo`);
  const last = known.get(host);
  if (last?.edition === edition) return last;
  const now = { edition, mounts: readMounts(host) };
  known.set(host, now);
  return now;
}

/** The running host's mountinfo, held open once it was asked for: to ask whether it changed takes far less than to read it. */
let watched: number | undefined;
let changes = 0;

function liveEdition(host: Host): number {
  const path = `${host.proc}/self/mountinfo`;
  watched ??= look(path, () => openSync(path, 'r'));
  if (native().mountsHaveChanged(watched)) changes++;
  return changes;
}

/** Every mount that carries the cpuset controller: what lies below another is none of ours. */
export function cpusetMounts(host: Host): readonly Carrier[] {
  const now = knownOf(host);
  now.carriers ??= now.mounts.flatMap((mount) => carries(host, mount) ?? []);
  return now.carriers;
}

/** The mount points of a stand-in tree lie below its own sysfs root. */
function readMounts(host: Host): CgroupMount[] {
  const mounts = native().cgroupMounts(`${host.proc}/self/mountinfo`);
  if (host.live) return mounts.filter((mount) => mount.type === CGROUP_V1 || mount.type === CGROUP_V2);
  return mounts.map((mount) => ({ ...mount, mountPoint: mount.mountPoint.replace(/^\/sys(?=\/)/, host.sys) }));
}

/**
 * The hierarchy that carries the cpuset controller. On a hybrid host that is a v1 mount beside cgroup2.
 * @throws VfioIsolateError `ERR_UNSUPPORTED` where no cgroup hierarchy is mounted, or none carries the controller
 */
export function findCpusets(host: Host): Carrier {
  const carriers = cpusetMounts(host);
  return carriers.find(({ root }) => root === '/') ?? noneWhole(carriers, knownOf(host).mounts);
}

/** The same, or undefined on a host without cpusets. */
export function cpusetsIfAny(host: Host): CpusetHierarchy | undefined {
  try {
    return findCpusets(host);
  } catch (error) {
    if (error instanceof VfioIsolateError && error.code === 'ERR_UNSUPPORTED') return undefined;
    throw error;
  }
}

function noneWhole([part]: readonly Carrier[], mounts: readonly CgroupMount[]): never {
  if (mounts.length === 0) {
    throw new VfioIsolateError('ERR_UNSUPPORTED', 'no cgroup file system is mounted', {
      remedy: 'mount one: mount -t cgroup2 none /sys/fs/cgroup',
    });
  }
  if (part !== undefined) {
    throw new VfioIsolateError(
      'ERR_UNSUPPORTED',
      `only ${part.root} of the cpusets is mounted, at ${part.mountPoint}`,
      {
        remedy: 'run it where the whole hierarchy is mounted: on the host, not in a container',
      },
    );
  }
  throw new VfioIsolateError(
    'ERR_UNSUPPORTED',
    `no cgroup hierarchy carries the cpuset controller (looked at ${mounts.map((m) => m.mountPoint).join(', ')})`,
    { remedy: 'see /proc/cgroups and the kernel command line (cgroup_disable=, cgroup_no_v1=)' },
  );
}

function carries(host: Host, { mountPoint, root, options, type }: CgroupMount): Carrier | undefined {
  if (options.includes('cpuset')) {
    const others = options.filter((option) => OTHER_V1_CONTROLLERS.has(option));
    return { version: 1, mountPoint, root, type, prefix: prefixOf(host, mountPoint), others };
  }
  if (type === CGROUP_V1) return undefined;
  const controllers = readIfThere(host, `${mountPoint}/cgroup.controllers`)?.split(' ');
  if (!controllers?.includes('cpuset')) return undefined;
  const others = controllers.filter((name) => name !== 'cpuset');
  return { version: 2, mountPoint, root, type, prefix: 'cpuset.', others };
}

const OTHER_V1_CONTROLLERS = new Set(
  'cpu cpuacct memory devices freezer blkio net_cls net_prio perf_event hugetlb pids rdma misc'.split(' '),
);

/** The files tell, not the option: a hierarchy that had been mounted before keeps the names that it had. */
function prefixOf(host: Host, mountPoint: string): 'cpuset.' | '' {
  return readIfThere(host, `${mountPoint}/cpuset.cpus`) === undefined ? '' : 'cpuset.';
}

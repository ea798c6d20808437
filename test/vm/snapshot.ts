export interface Task {
  readonly process: number;
  readonly parent: number;
  /** PF_ flags of /proc/TID/stat. */
  readonly flags: number;
  readonly name: string;
  /** The CPUs it may run on, as a list. */
  readonly cpus: string;
  readonly mems: string;
  /** /proc/TID/cgroup: a line a hierarchy. */
  readonly cgroup: string;
}

/** What guest/snapshot.c prints. */
export interface Snapshot {
  /** Kernel files and systemd's drop-ins by path; PATH/ stands for a cgroup that exists. */
  readonly files: Readonly<Record<string, string>>;
  /** By "TID:START TIME", which no two tasks of a boot share. */
  readonly tasks: Readonly<Record<string, Task>>;
  /** Counters of /proc/vmstat that only ever grow: for what leaves no other trace. */
  readonly events: Readonly<Record<string, number>>;
}

export const parseSnapshot = (text: string): Snapshot => JSON.parse(text);

/**
 * Every difference as a line "what: before -> after"; none where the host is as it was. Left out, each for its reason:
 * a task that is in one of the two only (it was born or has died meanwhile), a task's name (kworkers wear that of their
 * work), a mask that `maskIsKernels` tells of, and events.
 */
export function diff(before: Snapshot, after: Snapshot): string[] {
  const lines: string[] = [];
  for (const path of new Set([...Object.keys(before.files), ...Object.keys(after.files)])) {
    compare(lines, path, before.files[path], after.files[path]);
  }
  for (const [id, was] of Object.entries(before.tasks)) {
    const is = after.tasks[id];
    if (!is) continue;
    const task = `task ${id.split(':')[0]} (${was.name})`;
    if (!maskIsKernels(was)) compare(lines, `${task} CPUs`, was.cpus, is.cpus);
    compare(lines, `${task} nodes`, was.mems, is.mems);
    const hierarchies = cgroups(is);
    for (const [hierarchy, path] of cgroups(was)) {
      compare(lines, `${task} cgroup${hierarchy && ` of ${hierarchy}`}`, path, hierarchies.get(hierarchy));
    }
  }
  return lines;
}

export const flag = {
  /** PF_KTHREAD */
  kernelThread: 0x0020_0000,
  /** PF_NO_SETAFFINITY: nobody may set its mask. */
  unmovable: 0x0400_0000,
};

/**
 * Masks that no restore could set: kworkers and per-CPU threads refuse any (yet 6.1 rewrites those of unbound kworkers
 * with every partition); an interrupt's thread takes the one CPU that the interrupt was given, at the next interrupt.
 */
function maskIsKernels({ flags, name }: Task): boolean {
  return Boolean(flags & flag.unmovable) || (Boolean(flags & flag.kernelThread) && /^irq\/\d+-/.test(name));
}

/** The task's place in the hierarchy that has the cpuset controller, as an absolute path below its mount. */
export function cpusetOf(task: Task): string {
  const all = cgroups(task);
  const v1 = [...all.keys()].find((controllers) => controllers.split(',').includes('cpuset'));
  return all.get(v1 ?? '') ?? '/';
}

/** By controllers, as in "cpu,cpuacct"; those of version 2 are ''. */
function cgroups(task: Task): Map<string, string> {
  return new Map(
    task.cgroup.split('\n').map((line) => {
      const [, controllers = '', ...path] = line.split(':');
      return [controllers, path.join(':')];
    }),
  );
}

function compare(lines: string[], what: string, before: string | undefined, after: string | undefined): void {
  if (before !== after) lines.push(`${what}: ${shown(before)} -> ${shown(after)}`);
}

const shown = (value: string | undefined) => (value === undefined ? 'absent' : value === '' ? 'empty' : value);

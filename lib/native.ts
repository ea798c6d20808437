/** Finds and loads the addon, types it, and explains a load that failed. Nothing else knows where the binary lies. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { SystemError, VfioIsolateError } from './errors.js';

/**
 * Shared with a running bulk call: `[0]` is set to 1 to cancel it, `[1]` counts the tasks dealt with so far. The call
 * looks at `[0]` before each task. Its buffer must be of fixed length, and not be transferred while the call runs.
 */
export type Control = Int32Array<ArrayBuffer>;

export const newControl = (): Control => new Int32Array(2);

/** A directory held open, with operations strictly beneath it (openat2, RESOLVE_BENEATH, no links, no mounts). */
export interface Directory {
  readonly path: string;
  /** The whole value in one write(2); a short write is EIO. A path that leads out is EXDEV, a link ELOOP. */
  write(relative: string, value: string): void;
  /** The same by a process of its own, as {@link Addon.syncApart} starts one. The file is opened before. Returns its PID. */
  writeApart(relative: string, value: string): number;
  read(relative: string): string;
  makeDirectory(relative: string): void;
  removeDirectory(relative: string): void;
  close(): void;
}

/** One cgroup mount of mountinfo, its type confirmed by statfs(2). */
export interface CgroupMount {
  readonly mountPoint: string;
  /** The cgroup that is mounted there, `/` unless it is a bind mount or a cgroup namespace. */
  readonly root: string;
  /** statfs f_type; 0 where the mount point cannot be reached. */
  readonly type: number;
  /** Super-block options: on v1 they name the controllers, and `noprefix`. */
  readonly options: readonly string[];
}

/** Columns of equal length, one row a task. Start times are in clock ticks since boot (proc_pid_stat(5), field 22). */
export interface TaskTable {
  readonly tid: Int32Array;
  readonly tgid: Int32Array;
  readonly ppid: Int32Array;
  readonly start: Float64Array;
  /** PF_* flags, field 9 of /proc/TID/stat. */
  readonly flags: Uint32Array;
  readonly comm: readonly string[];
}

export interface Refusal {
  readonly tid: number;
  /** Negative. */
  readonly errno: number;
  readonly flags: number;
  readonly comm: string;
}

/** A directory that is opened for a single call; where a type is given, statfs must confirm it, else EXDEV. */
export interface DirectoryAt {
  readonly path: string;
  readonly type?: number;
}

export interface MoveRequest {
  /** The mount of the hierarchy. */
  readonly hierarchy: Directory | DirectoryAt;
  readonly version: 1 | 2;
  /** Root of procfs. */
  readonly proc: string;
  /** Cgroup that the tasks go to, relative to the hierarchy; '' is its root. */
  readonly to: string;
  /** Either the cgroup whose tasks are moved ... */
  readonly from?: string;
  /** ... or rows of a table: TIDs, and for each its start time (NaN: not checked). */
  readonly tasks?: { readonly tid: Int32Array; readonly start: Float64Array };
  /** With `tasks`: whether a row stands for one thread or for its whole process. */
  readonly threads?: boolean;
  /** Kernel threads whose name begins so stay where they are. */
  readonly leave?: readonly string[];
  /** Where the batches are written before they are moved. */
  readonly record?: MoveRecord;
  readonly control: Control;
}

export interface MoveRecord {
  readonly fd: number;
  /**
   * Length of the record so far; each batch is appended there. Where the call rejects, the batches of its earlier
   * passes are in the file and nothing else, so that the file's size is the record's length.
   */
  readonly offset: number;
  /** What it must not become longer than: a batch that would is not written, and the call rejects with {@link BEYOND_LIMIT}. */
  readonly limit: number;
  /** JSON members that begin each batch line, without braces: `"type":"moved","step":3`. */
  readonly members: string;
}

/** In the place of a system call's name, with EFBIG: none was made. */
export const BEYOND_LIMIT = 'limit';

export interface MoveResult {
  /** Tasks (threads) moved; a whole process counts its threads where they were counted, else one. */
  readonly moved: number;
  /** Tasks that exited, or whose TID was reused, before they could be moved. */
  readonly gone: number;
  readonly passes: number;
  readonly cancelled: boolean;
  /** Whether passes ran out while new tasks kept appearing in the source. */
  readonly unsettled: boolean;
  readonly refused: readonly Refusal[];
  /** Kernel threads left because of `leave`. errno is 0. */
  readonly left: readonly Refusal[];
  /** Length of the record afterwards. */
  readonly offset: number;
}

/** What a task must be to be selected; of what is undefined, nothing is read. Masks are as in {@link Addon}, not empty. */
export interface SelectRequest {
  /** Either the list of a cgroup to choose from, relative to the hierarchy ... */
  readonly hierarchy?: Directory | DirectoryAt;
  readonly list?: string;
  /** ... or these tasks; else all of the host. */
  readonly tids?: Int32Array;
  /** Root of procfs. */
  readonly proc: string;
  /** Without a list: every thread of the processes for itself, in place of the first one of each. */
  readonly threads?: boolean;
  /** The name is one of `names`, or begins with one of `prefixes`. */
  readonly names?: readonly string[];
  readonly prefixes?: readonly string[];
  /** The effective user ID. */
  readonly uid?: number;
  readonly kernelThread?: boolean;
  /** The CPUs that sched_getaffinity(2) tells are just these. */
  readonly affinity?: Uint8Array;
  /** They hold one of these at least. */
  readonly mayRunOn?: Uint8Array;
  readonly control: Control;
}

export interface Selected {
  /** In the order of the list, or of procfs. */
  readonly tids: Int32Array;
  readonly cancelled: boolean;
}

export interface AffinityResult {
  readonly done: number;
  readonly gone: number;
  readonly cancelled: boolean;
  readonly refused: readonly Refusal[];
}

/**
 * Masks are little-endian bitmaps: bit i of byte floor(i/8) is CPU i. A bad argument is thrown at once, a TypeError or
 * RangeError; a refused system call is a SystemError, by which the bulk calls reject.
 */
export interface Addon {
  setErrorFactory(
    make: (errno: number, syscall: string, path: string | undefined, value: string | undefined) => Error,
  ): void;

  /** TID 0 is the calling thread. The mask has the kernel's own size (probed). */
  getAffinity(tid: number): Uint8Array;
  setAffinity(tid: number, mask: Uint8Array): void;
  /**
   * `masks` holds `size` bytes a row; a row whose errno (negative) is not 0 is empty. Tasks that a cancelled call did
   * not reach have -ECANCELED.
   */
  getAffinities(
    tids: Int32Array,
    control: Control,
  ): Promise<{ readonly size: number; readonly masks: Uint8Array; readonly errors: Int32Array }>;
  /** A mask has `size` bytes; `masks` is one for all, or one a TID. */
  setAffinities(
    tids: Int32Array,
    masks: Uint8Array,
    size: number,
    proc: string,
    control: Control,
  ): Promise<AffinityResult>;
  setAffinitiesSync(tids: Int32Array, masks: Uint8Array, size: number, proc: string, control: Control): AffinityResult;

  /** f_type of statfs(2). */
  fileSystemType(path: string): number;
  /** The cgroup mounts that a mountinfo file lists, those hidden by a later mount left out. */
  cgroupMounts(mountinfo: string): CgroupMount[];
  /** Whether mounts have changed since an open mountinfo was asked last or, at first, since it was opened (poll(2)). */
  mountsHaveChanged(mountinfo: number): boolean;

  /** Opens a directory to work beneath; where a type is given, statfs must confirm it, else EXDEV. */
  Directory: new (
    path: string,
    type?: number,
  ) => Directory;

  /** The tasks that a cgroup's list (`tasks`, `cgroup.procs`, `cgroup.threads`) names, gone ones left out. */
  listTasks(directory: Directory, list: string, proc: string, control: Control): Promise<TaskTable>;
  selectTasks(request: SelectRequest): Promise<Selected>;
  selectTasksSync(request: SelectRequest): Selected;
  moveTasks(request: MoveRequest): Promise<MoveResult>;
  moveTasksSync(request: MoveRequest): MoveResult;

  /** flock(2) LOCK_EX without waiting: false where another open file holds it. Released when the descriptor closes. */
  lock(fd: number): boolean;
  /** Appends at an offset and makes it durable; on failure the file is cut back to the offset. Returns the new length. */
  append(fd: number, offset: number, data: Uint8Array): Promise<number>;
  /** An unnamed file in memory (memfd_create). */
  memoryFile(): number;
  /**
   * Starts a process of its own that writes all dirty pages of the host to disk (sync(2)). It has none of our descriptors,
   * and is in a session of its own. Returns its PID.
   */
  syncApart(): number;
  /** How such a process has ended: 0, or a negative errno; -EINTR if it was killed. Undefined while it runs. */
  endedApart(pid: number): number | undefined;

  /** Writes what a pipe or socket takes at once (pwritev2(2), RWF_NOWAIT). Returns the number of bytes, 0 where none. */
  writeWithoutWaiting(fd: number, bytes: Uint8Array): number;
  /** Ends the process as _exit(2) does: without what Node and V8 do at their end. */
  endProcess(status: number): never;
}

/** The C library that a binary is linked against: a wrong one may load and fail only when called. */
export type Libc = 'glibc' | 'musl';

/** The package's own directory: this file lies one below it, in `lib` as in `dist`. */
const ROOT = dirname(import.meta.dirname);

let loaded: Addon | undefined;

/** The addon, loaded at the first call. @throws VfioIsolateError ERR_ADDON */
export function native(): Addon {
  if (loaded !== undefined) return loaded;
  // Only the repository holds it, the published package does not.
  const checkout = existsSync(`${ROOT}/binding.gyp`);
  loaded = loadAddon(addonFiles(ROOT, process.arch, runningLibc, checkout), checkout);
  return loaded;
}

/** Where the binary may lie, in the order to try. Nothing of the environment has a say: it is loaded as root. */
export function* addonFiles(root: string, arch: string, libc: () => Libc, checkout: boolean): Generator<string> {
  if (checkout) yield `${root}/build/Release/vfio_isolate.node`;
  const prebuilds = `${root}/prebuilds/linux-${arch}`;
  yield `${prebuilds}/vfio-isolate.${libc()}.node`;
  yield `${prebuilds}/vfio-isolate.node`;
}

/** Loads the first of these files that loads. @throws VfioIsolateError ERR_ADDON, saying of each why it did not */
export function loadAddon(files: Iterable<string>, checkout: boolean): Addon {
  const failures: string[] = [];
  for (const file of files) {
    try {
      return withErrors(open(file));
    } catch (error) {
      failures.push(`${file}: ${existsSync(file) ? firstLine(error, file) : 'no such file'}`);
    }
  }
  throw new VfioIsolateError('ERR_ADDON', `the native addon cannot be loaded: ${failures.join('; ')}`, {
    remedy: checkout
      ? 'run `npm run build` in the checkout'
      : 'binaries are shipped for Linux with glibc or musl on x64 and arm64: install vfio-isolate again there, or build it from its repository',
  });
}

/** What `require` does with such a file, without the module loader, which would look for a package around it. */
function open(file: string): Addon {
  const module = { exports: {} as Addon };
  process.dlopen(module, file);
  return module.exports;
}

function withErrors(addon: Addon): Addon {
  addon.setErrorFactory((errno, syscall, path, value) => new SystemError({ errno, syscall, path, value }));
  return addon;
}

/** dlopen(3) names the file first; it is named already. */
function firstLine(error: unknown, file: string): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return line.startsWith(`${file}: `) ? line.slice(file.length + 2) : line;
}

/** From the dynamic loader that the running node itself asks for, near the beginning of its file. */
function runningLibc(): Libc {
  const head = Buffer.allocUnsafeSlow(4096);
  const fd = openSync('/proc/self/exe', 'r');
  try {
    return head.toString('latin1', 0, readSync(fd, head)).includes('/ld-musl-') ? 'musl' : 'glibc';
  } finally {
    closeSync(fd);
  }
}

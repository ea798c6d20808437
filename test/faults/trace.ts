/**
 * The system calls by which a run changes something, as strace sees them, and how to aim a fault at one of them. strace
 * counts `when=N` for each thread and each system call by itself, and with `-P` only what is done to that path. Its signal
 * comes as the call is entered, and the kernel then leaves the call undone; so a run that is killed right after one call
 * is the run that is killed at the next.
 */

export interface Call {
  /** 0 for the main thread, 1 for the pool's, of which a run under trace has one. */
  readonly thread: number;
  readonly name: string;
  /** What it changes, in full; '' for what has no path. */
  readonly path: string;
  /** The path that strace knows it by: for a name in an open directory that of the directory. */
  readonly filter: string;
  /** Counts the calls of this name and filter in its thread, from 1. */
  readonly nth: number;
  /** Counts the calls of this name in its thread, whatever path they are done to, from 1; 0 where there is no path. */
  readonly ofName: number;
  /** What the kernel answered; '' where the run was killed before. */
  readonly result: string;
}

/** All that may change what outlives the run; opening files counts where it creates them. */
const CHANGING = [
  ...['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'ftruncate', 'truncate', 'fallocate', 'sendfile'],
  ...['copy_file_range', 'fsync', 'fdatasync', 'sync', 'syncfs', 'openat', 'open', 'creat', 'openat2', 'mknodat'],
  ...['mkdir', 'mkdirat', 'rmdir', 'unlink', 'unlinkat', 'rename', 'renameat', 'renameat2', 'linkat', 'symlinkat'],
  ...['chmod', 'fchmod', 'fchmodat', 'chown', 'fchown', 'fchownat', 'utimensat', 'fsetxattr', 'mount', 'umount2'],
  ...['sched_setaffinity', 'sched_setscheduler', 'sched_setattr', 'setpriority', 'mbind', 'migrate_pages'],
];

/** What is handed to a helper program, systemd's own, changes the host between these two. */
const HELPER = ['clone', 'vfork', 'wait4'];

const WORDS = ['-f', '-yy', '-s', '4096', '-E', 'UV_THREADPOOL_SIZE=1', '-e', 'signal=SIGKILL', '-o'];

/** strace's words before those of a run that it is to log. */
export function tracing(log: string): string[] {
  return [...WORDS, log, '-e', `trace=${[...CHANGING, ...HELPER, 'execve', 'setsid'].join(',')}`];
}

/**
 * strace's words before those of a run that is to meet a fault.
 * @param fault such as `signal=SIGKILL` or `error=EIO`
 * @param on whether all later calls of that name and filter meet it too
 */
export function faulting(log: string, { name, filter, nth }: Call, fault: string, on = false): string[] {
  const path = filter === '' ? [] : ['-P', filter];
  return [...WORDS, log, '-e', `trace=${name}`, ...path, '-e', `inject=${name}:${fault}:when=${nth}${on ? '+' : ''}`];
}

/**
 * strace's words before those of a run of which one call is refused, and that is to be killed at a later one of another
 * name: strace takes one fault for each system call.
 * @param paths all that the run and its undoing change: what else a thread writes to, such as the event loop's counters,
 *   is not the same number of times in each run
 * @param killed nothing for a log of the whole run
 */
export function refusing(log: string, paths: ReadonlySet<string>, refused: Call, killed?: Call): string[] {
  const traced = killed === undefined ? CHANGING : [refused.name, killed.name];
  const faults = [`${refused.name}:error=EIO:when=${refused.ofName}`];
  if (killed !== undefined) faults.push(`${killed.name}:signal=SIGKILL:when=${killed.ofName}`);
  const injected = faults.flatMap((fault) => ['-e', `inject=${fault}`]);
  return [...WORDS, log, '-e', `trace=${traced.join(',')}`, ...[...paths].flatMap((path) => ['-P', path]), ...injected];
}

/** The changing calls of a log, in the order in which they were entered. */
export function changingCalls(log: string): Call[] {
  const lines = log.trimEnd().split('\n');
  // The main thread is the last of whose end strace hears.
  const main = /^(\d+) +\+\+\+/.exec(lines.at(-1) ?? '')?.[1];
  if (main === undefined) throw new Error(`strace's log has no end: ${lines.at(-1)}`);
  // A process of ours that only triggers something is left behind if need be: it is in a session of its own.
  const helpers = new Set(
    lines.map((line) => /^(\d+) +(?:execve|setsid)\(/.exec(line)?.[1]).filter((tid) => tid !== main),
  );
  const threads = [main];
  const counts = new Map<string, number>();
  const next = (key: string) => {
    const number = (counts.get(key) ?? 0) + 1;
    counts.set(key, number);
    return number;
  };
  const calls: Call[] = [];
  lines.forEach((line, index) => {
    const [, tid = '', name = '', rest = ''] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
    const target = targetOf(name, rest);
    if (target === undefined || helpers.has(tid)) return;
    if (!threads.includes(tid)) threads.push(tid);
    const thread = threads.indexOf(tid);
    const nth = next(`thread ${thread} ${name} ${target.filter}`);
    const ofName = target.filter === '' ? 0 : next(`thread ${thread} ${name}`);
    calls.push({ thread, name, ...target, nth, ofName, result: resultOf(lines.slice(index), tid, name) });
  });
  return calls;
}

/** The calls of a log that met the fault. */
export function hit(log: string): Call[] {
  return changingCalls(log).filter(({ result }) => result === '' || result.endsWith('(INJECTED)'));
}

/** V8's code cache beside the command, which only the first run of a kind writes: nothing of the host's. */
const CACHE = /\/dist\/cache(\/|$)/;

function targetOf(name: string, rest: string): Pick<Call, 'path' | 'filter'> | undefined {
  const target = changedBy(name, rest);
  return target === undefined || CACHE.test(target.path) ? undefined : target;
}

function changedBy(name: string, rest: string): Pick<Call, 'path' | 'filter'> | undefined {
  if (HELPER.includes(name)) return { path: '', filter: '' };
  if (!CHANGING.includes(name) || (name.startsWith('open') && !rest.includes('O_CREAT'))) return undefined;
  const operands = /^(?:(\d+|AT_FDCWD)<([^>]*)>(?:\(deleted\))?)?(?:, )?(?:"((?:[^"\\]|\\.)*)")?/.exec(rest) ?? [];
  const [, number, open, text] = operands;
  const inDirectory = /at2?$/.test(name);
  if (open !== undefined && !inDirectory) {
    // Standard output and errors, pipes, and the event loop's counters.
    if (Number(number) <= 2 || !open.startsWith('/')) return undefined;
    return { path: open, filter: open };
  }
  if (text === undefined) return { path: '', filter: '' };
  if (text.startsWith('/')) return { path: text, filter: text };
  return { path: `${open}/${text}`, filter: open ?? '' };
}

function resultOf([first = '', ...later]: string[], tid: string, name: string): string {
  const resumed = `<... ${name} resumed>`;
  const mine = (line: string) => line.startsWith(`${tid} `) && line.includes(resumed);
  const line = first.endsWith('<unfinished ...>') ? (later.find(mine) ?? '') : first;
  const result = /\) += (.*)$/.exec(line)?.[1] ?? '';
  return result === '?' ? '' : result;
}

/** Which call of a run it is: two runs of the same commands make the same ones. */
export const nameOf = ({ thread, name, path, nth }: Call): string => `thread ${thread}: ${name} ${path} (${nth})`;

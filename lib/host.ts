/**
 * A host is three directories and the means to read below them. It is always passed in, so that a captured tree of
 * another machine, or a host with planned changes laid over it, can stand in for the one that runs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fromNode, isSystemError } from './errors.js';

/** An `AbortSignal`, or what is like one in this. */
export type StopSignal = Pick<AbortSignal, 'aborted' | 'addEventListener' | 'removeEventListener'>;

export interface Host {
  /** Root of sysfs, `/sys` on the running host. */
  readonly sys: string;
  /** Root of procfs, `/proc` on the running host. */
  readonly proc: string;
  /** Where the lock is kept, `/run` on the running host. */
  readonly run: string;
  /**
   * Whether the roots are the running kernel's. Then nothing is written below a root that statfs(2) does not confirm
   * as sysfs, procfs or a cgroup file system.
   */
  readonly live: boolean;
  /**
   * File descriptor of the lock, while a run holds it. A program that the run starts has it as well: what that is about
   * to change comes before any other run, also where the one that started it was killed.
   */
  readonly lock?: number;
  /** Ends every wait of a run that may be stopped. */
  readonly signal?: StopSignal;

  /** The text of a file. @throws SystemError */
  read(path: string): string;
  /** The names in a directory, sorted. @throws SystemError */
  list(path: string): string[];
}

/** The text of a file without surrounding white space, or undefined if the file does not exist. */
export function readIfThere(host: Host, path: string): string | undefined {
  return textIfThere(host, path)?.trim();
}

/** All of the text, likewise: names that others choose may end in white space. */
export function textIfThere(host: Host, path: string): string | undefined {
  return ifThere(() => host.read(path));
}

/** The names in a directory, or undefined where it does not exist. */
export function listIfThere(host: Host, path: string): string[] | undefined {
  return ifThere(() => host.list(path));
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    // For an open file or directory whose object has just been removed kernfs answers ENODEV, and procfs ESRCH. Whoever has
    // a cgroup to himself can nest others until no system call takes their paths: nothing of ours can lie there.
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ENODEV', 'ESRCH', 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}

export type Roots = Partial<Pick<Host, 'sys' | 'proc' | 'run'>>;

/** The running host, or, where roots are given, a tree that stands in for one. */
export function openHost(roots: Roots = {}): Host {
  const live = roots.sys === undefined && roots.proc === undefined;
  return {
    sys: roots.sys ?? '/sys',
    proc: roots.proc ?? '/proc',
    run: roots.run ?? '/run',
    live,
    read: (path) => look(path, () => readFileSync(path, 'utf8')),
    list: (path) => look(path, () => readdirSync(path)).sort(),
  };
}

/** The same host, for a run that holds its lock. */
export function withLock(host: Host, lock: number): Host {
  return variant(host, { lock });
}

/** The same host, for a run that may be stopped. */
export function withSignal(host: Host, signal: StopSignal | undefined): Host {
  return signal === undefined ? host : variant(host, { signal });
}

/** The same host, as it is when it is looked at first: for what is asked the same of it for hundreds of thousands of things. */
export function readOnce(host: Host): Host {
  const texts = new Map<string, string>();
  const read = (path: string) => {
    const text = texts.get(path) ?? host.read(path);
    texts.set(path, text);
    return text;
  };
  return variant(host, { read });
}

/** Another host's members may be those of a class, which a spread would lose. */
function variant(host: Host, members: Partial<Host>): Host {
  const { sys, proc, run, live, lock, signal } = host;
  const own = { sys, proc, run, live, ...(lock !== undefined && { lock }), ...(signal && { signal }) };
  return { ...own, read: (path) => host.read(path), list: (path) => host.list(path), ...members };
}

/** What `node:fs` finds at a path, or its error as one of ours. @throws SystemError */
export function look<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    // Where read(2) fails and not open(2), Node names no path.
    throw fromNode(error instanceof Error ? Object.assign(error, { path }) : error);
  }
}

/** A host with planned changes laid over it: reads see them, the host itself stays as it is. */
import { SystemError } from '../errors.js';
import type { Host, StopSignal } from '../host.js';

const ENOENT = -2;

export class OverlayHost implements Host {
  readonly sys: string;
  readonly proc: string;
  readonly run: string;
  readonly live: boolean;
  readonly signal?: StopSignal;
  readonly #below: Host;
  /** Text of a changed file; null for one that is gone. */
  readonly #files = new Map<string, string | null>();
  /** Directories made (true) or removed (false). */
  readonly #directories = new Map<string, boolean>();

  constructor(below: Host) {
    this.#below = below;
    this.sys = below.sys;
    this.proc = below.proc;
    this.run = below.run;
    this.live = below.live;
    if (below.signal) this.signal = below.signal;
  }

  read(path: string): string {
    const text = this.#files.get(path);
    if (typeof text === 'string') return text;
    if (text === null || this.#madeOrRemoved(path) !== undefined) throw absent('open', path);
    return this.#below.read(path);
  }

  list(path: string): string[] {
    const state = this.#madeOrRemoved(path);
    const inside = state === 'made' && this.#directories.get(path) !== true;
    if (state === 'removed' || inside) throw absent('scandir', path);
    const names = new Set(state === 'made' ? [] : this.#below.list(path));
    for (const [file, text] of this.#files) note(names, path, file, text !== null);
    for (const [directory, there] of this.#directories) note(names, path, directory, there);
    return [...names].sort();
  }

  write(path: string, text: string): void {
    this.#files.set(path, text);
  }

  makeDirectory(path: string, files: Readonly<Record<string, string>>): void {
    this.#forget(path);
    this.#directories.set(path, true);
    for (const [name, text] of Object.entries(files)) this.#files.set(`${path}/${name}`, text);
  }

  removeDirectory(path: string): void {
    this.#forget(path);
    this.#directories.set(path, false);
  }

  #forget(path: string): void {
    for (const file of this.#files.keys()) if (file.startsWith(`${path}/`)) this.#files.delete(file);
  }

  /** What became of the nearest directory at or above a path that this overlay knows of. */
  #madeOrRemoved(path: string): 'made' | 'removed' | undefined {
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const there = this.#directories.get(at);
      if (there !== undefined) return there ? 'made' : 'removed';
    }
    return undefined;
  }
}

function note(names: Set<string>, directory: string, path: string, there: boolean): void {
  const cut = path.lastIndexOf('/');
  if (path.slice(0, cut) !== directory) return;
  if (there) names.add(path.slice(cut + 1));
  else names.delete(path.slice(cut + 1));
}

function absent(syscall: string, path: string): SystemError {
  return new SystemError({ errno: ENOENT, syscall, path });
}

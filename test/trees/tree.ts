/** Hosts made by hand: files in memory, read through the same door as a real host's. */
import { SystemError } from '../../lib/errors.js';
import type { Host } from '../../lib/host.js';

const ENOENT = -2;

/** A host whose /sys holds these files, given by their paths below it. */
export function hostWith(files: Readonly<Record<string, string>>): Host {
  const texts = new Map(Object.entries(files).map(([path, text]) => [`/sys/${path}`, text]));
  return {
    sys: '/sys',
    proc: '/proc',
    run: '/run',
    live: false,
    read: (path) => texts.get(path) ?? absent('open', path),
    list: (path) => {
      const below = [...texts.keys()].filter((file) => file.startsWith(`${path}/`));
      if (below.length === 0) absent('scandir', path);
      return [...new Set(below.map((file) => file.slice(path.length + 1).replace(/\/.*/, '')))].sort();
    },
  };
}

function absent(syscall: string, path: string): never {
  throw new SystemError({ errno: ENOENT, syscall, path });
}

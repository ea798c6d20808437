/** A small host tree in a temporary folder, to stand in for a machine. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import { type Host, openHost } from '../../lib/host.js';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** @param files texts by path: `sys/devices/system/cpu/online`, `proc/irq/1/smp_affinity_list` */
export function hostTree(files: Readonly<Record<string, string>>): Host {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-tree-'));
  folders.push(folder);
  for (const [path, text] of Object.entries({ 'proc/self/mountinfo': '', ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${text}\n`);
  }
  return openHost({ sys: join(folder, 'sys'), proc: join(folder, 'proc'), run: join(folder, 'run') });
}

/** A line of mountinfo: all of cgroup v2 in its usual place. */
export const CGROUP2_MOUNT = '25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw';

/** The CPUs of a machine, all of them in one node. */
export function cpus(online: string, possible = online): Record<string, string> {
  const root = 'sys/devices/system/cpu';
  return { [`${root}/online`]: online, [`${root}/present`]: possible, [`${root}/possible`]: possible };
}

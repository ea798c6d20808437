import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exec } from '../exec.js';
import { cached } from './cache.js';
import type { Kernel } from './kernel.js';

/** What the guest's disks and shared folders need, then what a host has besides: cpufreq and its governors, a network card. */
const wanted = [
  ...['virtio_pci', 'virtio_blk', 'ext4', 'crc32c_generic', '9p', '9pnet_virtio'],
  ...['acpi_cpufreq', 'cpufreq_ondemand', 'cpufreq_powersave', 'cpufreq_conservative', 'virtio_net'],
];
const initScript = fileURLToPath(new URL('../guest/init', import.meta.url));

/** Busybox, a few modules and a script that mounts the real root: the same for every guest of a kernel. */
export async function initramfs(kernel: Kernel): Promise<string> {
  const recipe = { builder: import.meta.url, ingredients: [kernel.modules, await readFile(initScript, 'utf8')] };
  const dir = await cached('initramfs', recipe, async (into) => {
    const tree = join(into, 'tree');
    for (const folder of ['bin', 'proc', 'sys', 'dev', 'root', 'modules'])
      await mkdir(join(tree, folder), { recursive: true });
    await copyFile('/bin/busybox', join(tree, 'bin/busybox'));
    await copyFile(initScript, join(tree, 'init'));
    await chmod(join(tree, 'init'), 0o755);
    const modules = await loadOrder(kernel);
    for (const module of modules)
      await unpackModule(join(kernel.modules, kernel.release, module), join(tree, 'modules'));
    await writeFile(join(tree, 'modules/order'), modules.map((module) => `${plainName(module)}\n`).join(''));
    await exec('sh', ['-c', 'cd "$1" && find . | cpio --quiet -o -H newc | gzip -1 > ../initramfs.gz', 'sh', tree]);
    await rm(tree, { recursive: true });
  });
  return join(dir, 'initramfs.gz');
}

/** The wanted modules with all that they depend on, dependencies first; what is built in is left out. */
async function loadOrder({ modules, release }: Kernel): Promise<string[]> {
  const dependencies = new Map<string, string[]>();
  for (const line of (await readFile(join(modules, release, 'modules.dep'), 'utf8')).split('\n')) {
    const [path, rest] = line.split(':');
    if (path && rest !== undefined) dependencies.set(path, rest.trim().split(' ').filter(Boolean).reverse());
  }
  const byName = new Map(
    [...dependencies.keys()].map((path) => [plainName(path).replace(/\.ko$/, '').replaceAll('-', '_'), path]),
  );
  const order = new Set<string>();
  for (const name of wanted) {
    const path = byName.get(name);
    if (!path) continue;
    for (const dependency of dependencies.get(path) ?? []) order.add(dependency);
    order.add(path);
  }
  return [...order];
}

const plainName = (path: string) => basename(path).replace(/\.xz$/, '');

async function unpackModule(path: string, into: string): Promise<void> {
  const target = join(into, plainName(path));
  if (path.endsWith('.xz')) await exec('sh', ['-c', 'xz -dc "$1" > "$2"', 'sh', path, target]);
  else await copyFile(path, target);
}

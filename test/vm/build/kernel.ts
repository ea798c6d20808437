import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../exec.js';
import type { KernelVersion } from '../host.js';
import { cached } from './cache.js';
import { suites, unpackDependencies } from './debian.js';

export interface Kernel {
  readonly image: string;
  /** The folder that holds RELEASE/, as /lib/modules does. */
  readonly modules: string;
  readonly release: string;
}

/** Debian's own kernel with all its modules. */
export async function kernel(version: KernelVersion): Promise<Kernel> {
  const dir = await cached(
    `kernel-${version}`,
    { builder: import.meta.url, ingredients: suites[version] },
    async (into) => {
      const scratch = join(into, 'scratch');
      const unpacked = join(scratch, 'unpacked');
      await mkdir(unpacked, { recursive: true });
      // from 7.2 on linux-image-VERSION is empty, and depends on the two that are not
      await unpackDependencies(
        suites[version],
        'linux-image-amd64',
        /^linux-(image|binary|modules)-\d/,
        scratch,
        unpacked,
      );
      // from 6.12 on modules are below usr/lib, from 7.2 on the kernel is among them
      const tidy = `
        if [ -d usr/lib/modules ]; then mv usr/lib lib; fi
        rm -rf lib/modules/*/build lib/modules/*/source
        mkdir ../../lib
        mv lib/modules ../../lib
        mv boot/vmlinuz-* ../../vmlinuz || mv ../../lib/modules/*/vmlinuz ../../vmlinuz`;
      await exec('sh', ['-euc', tidy], unpacked);
      const [release] = await readdir(join(into, 'lib/modules'));
      await exec('depmod', ['-b', into, `${release}`]);
      await rm(scratch, { recursive: true });
    },
  );
  const [release] = await readdir(join(dir, 'lib/modules'));
  return { image: join(dir, 'vmlinuz'), modules: join(dir, 'lib/modules'), release: `${release}` };
}

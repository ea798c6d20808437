import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../exec.js';
import type { KernelVersion } from '../host.js';
import { cached } from './cache.js';
import { type Suite, unpackDependency } from './debian.js';

const suites: Record<KernelVersion, Suite> = { '6.1': 'bookworm', '6.12': 'trixie' };

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
      await unpackDependency(suites[version], 'linux-image-amd64', scratch, unpacked);
      // trixie's package has its modules below usr/lib
      await exec(
        'sh',
        ['-c', 'if [ -d usr/lib/modules ]; then mv usr/lib lib; fi; rm -rf lib/modules/*/build lib/modules/*/source'],
        unpacked,
      );
      await mkdir(join(into, 'lib'));
      await rename(join(unpacked, 'lib/modules'), join(into, 'lib/modules'));
      const [release] = await readdir(join(into, 'lib/modules'));
      await rename(join(unpacked, `boot/vmlinuz-${release}`), join(into, 'vmlinuz'));
      await exec('depmod', ['-b', into, `${release}`]);
      await rm(scratch, { recursive: true });
    },
  );
  const [release] = await readdir(join(dir, 'lib/modules'));
  return { image: join(dir, 'vmlinuz'), modules: join(dir, 'lib/modules'), release: `${release}` };
}

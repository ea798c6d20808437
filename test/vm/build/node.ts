import { chmod, copyFile, mkdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exec } from '../exec.js';
import { cached } from './cache.js';

/** A disk with the node and npm that run this suite; a disk of its own, so that another node builds no new root. */
export async function nodeDisk(): Promise<string> {
  const binary = await realpath(process.execPath);
  const npm = dirname(dirname(await realpath((await exec('sh', ['-c', 'command -v npm'])).trim())));
  const { size, mtimeMs } = await stat(binary);
  const ingredients = [binary, size, mtimeMs, npm, (await stat(join(npm, 'package.json'))).mtimeMs];
  const dir = await cached('node', { builder: import.meta.url, ingredients }, async (into) => {
    const tree = join(into, 'tree');
    await mkdir(join(tree, 'bin'), { recursive: true });
    await mkdir(join(tree, 'lib/node_modules'), { recursive: true });
    await copyFile(binary, join(tree, 'bin/node'));
    await chmod(join(tree, 'bin/node'), 0o755);
    await exec('cp', ['-r', npm, join(tree, 'lib/node_modules/npm')]);
    for (const program of ['npm', 'npx']) {
      await symlink(`../lib/node_modules/npm/bin/${program}-cli.js`, join(tree, 'bin', program));
    }
    // where Debian's npm installs, too
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'etc/npmrc'), 'prefix=/usr/local\n');
    await exec('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', tree, join(into, 'node.ext4'), '512M']);
    await rm(tree, { recursive: true });
  });
  return join(dir, 'node.ext4');
}

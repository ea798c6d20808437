import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Outside the work tree: gigabytes that any checkout on this machine can share. */
const cacheRoot = () => process.env['VFIO_ISOLATE_VM_CACHE'] ?? '/var/cache/vfio-isolate-vm';
const unusedDays = 14;

/** What was built in this run, in order, for the summary. */
export const built: { name: string; seconds: number }[] = [];

/**
 * The folder that `build` filled, built once for this name, these ingredients and the text of the file that builds. A build
 * happens in a folder that gets its name only when whole, so that what an interrupted one leaves is never taken for a
 * result.
 */
export async function cached(
  name: string,
  recipe: { readonly builder: string; readonly ingredients: unknown },
  build: (dir: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256').update(await readFile(new URL(recipe.builder)));
  const key = hash.update(JSON.stringify(recipe.ingredients)).digest('hex').slice(0, 16);
  const root = cacheRoot();
  const finished = join(root, `${name}-${key}`);
  await mkdir(root, { recursive: true });
  await locked(finished, async () => {
    if (existsSync(finished)) return utimes(finished, new Date(), new Date());
    await prune(root, name);
    const started = Date.now();
    const partial = await mkdtemp(join(root, `.partial-${name}-`));
    try {
      await build(partial);
      await rename(partial, finished);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    const seconds = Math.round((Date.now() - started) / 1000);
    built.push({ name, seconds });
    process.stderr.write(`vm: built ${name} in ${seconds} s\n`);
  });
  return finished;
}

/** One builder at a time: an abstract socket has one listener, and the kernel frees it with the process, however it ends. */
async function locked(name: string, work: () => Promise<void>): Promise<void> {
  let lock = await listening(name);
  while (!lock) {
    await sleep(500);
    lock = await listening(name);
  }
  try {
    await work();
  } finally {
    lock.close();
  }
}

function listening(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(`\0${name}`, () => resolve(server));
  });
}

/** Results of former recipes go once no checkout has used them for a while; partial ones once no build can take so long. */
async function prune(root: string, name: string): Promise<void> {
  for (const entry of await readdir(root)) {
    const days = (Date.now() - (await stat(join(root, entry))).mtimeMs) / 86_400_000;
    const former = entry.startsWith(`${name}-`) && days > unusedDays;
    const abandoned = entry.startsWith('.partial-') && days > 1;
    if (former || abandoned) await rm(join(root, entry), { recursive: true, force: true });
  }
}

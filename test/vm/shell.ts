// npm run vm:shell -- HOST: boots that host and gives its console, as root. Ctrl-A X ends it, as does poweroff.
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepare, start } from './boot.js';
import { fillPackage } from './build/package.js';
import { missing } from './capability.js';
import { Guest } from './guest.js';
import { type Host, hosts } from './host.js';
import { acceleration } from './qemu.js';

const known: Record<string, Host> = hosts;
const host = known[process.argv[3] ?? ''];
if (!host) fail(`name a host: ${Object.keys(hosts).join(', ')}`);
const reason = await missing();
if (reason) fail(`no guest can run: ${reason}`);

const dir = await prepare();
const packageDir = join(dir, 'package');
await mkdir(packageDir);
await fillPackage(packageDir);
process.stderr.write(
  `booting ${host.name}; vfio-isolate is installed in the background once it is up; Ctrl-A X ends it\n`,
);
const console = ['-chardev', 'stdio,id=console,mux=on,signal=off', '-mon', 'chardev=console'];
const dayLong = { ...host, lifetime: 86_400 };
const qemu = await start(dayLong, dir, packageDir, acceleration(), console, 'inherit');
const ended = new Promise((resolve) => qemu.once('exit', resolve));
// the guest may end before it is done
installOnceUp(new Guest(host.name, dir)).catch(() => {});
await ended;
await rm(dir, { recursive: true });
process.exit();

async function installOnceUp(guest: Guest): Promise<void> {
  while (!existsSync(join(dir, 'job/ready'))) await sleep(200);
  const said = await guest.install().then(
    () => 'vfio-isolate is installed',
    (error: Error) => error.message,
  );
  await guest.run('sh', ['-c', 'cat >/dev/console'], { input: `\n${said}\n` });
}

function fail(message: string): never {
  process.stderr.write(`vm:shell: ${message}\n`);
  process.exit(2);
}

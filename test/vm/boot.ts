import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { snapshotTool } from './build/snapshot.js';
import { consoleTail } from './console.js';
import { exec } from './exec.js';
import type { Host } from './host.js';
import { type Acceleration, program, qemuArguments } from './qemu.js';

/** Longest time from power-on to the agent's word, in seconds: far more than a machine with nothing else to do needs. */
const bootLimit = 480;
/** Longest time to the first process; emulated kernels that take longer were seen to stand still for good. */
const kernelLimit = 180;
const agent = fileURLToPath(new URL('guest/agent', import.meta.url));

/** A running guest, as the process that started it holds it. */
export interface Machine {
  readonly host: Host;
  /** Holds `console.log`, `job/` (the guest's /vm), `bell.in` and `pid`: all that a client needs. */
  readonly dir: string;
  readonly bootSeconds: number;
  /** Boots thrown away: now and then emulation makes a kernel fall over, or stand still before its first process. */
  readonly failedBoots: number;
  isRunning(): boolean;
  /** Ends the guest and removes its folder. */
  end(): Promise<void>;
}

/** Boots the host. A boot that fails is tried once more and counted; nothing was on trial yet that this could hide. */
export async function boot(host: Host, packageDir: string, acceleration: Acceleration = 'tcg'): Promise<Machine> {
  const attempt = (failedBoots: number) => bootOnce(host, packageDir, acceleration, failedBoots);
  return attempt(0).catch((error: Error) => {
    process.stderr.write(`vm: ${error.message}\nvm: ${host.name}: trying once more\n`);
    return attempt(1);
  });
}

async function bootOnce(
  host: Host,
  packageDir: string,
  acceleration: Acceleration,
  failedBoots: number,
): Promise<Machine> {
  const dir = await prepare();
  const console = ['-chardev', `file,id=console,path=${join(dir, 'console.log')},append=on`];
  const qemu = await start(host, dir, packageDir, acceleration, console, 'ignore');
  // counted from here: images were built if they had to be
  const started = Date.now();
  const isRunning = () => qemu.exitCode === null && qemu.signalCode === null;
  const end = async () => {
    if (isRunning()) {
      const ended = new Promise((resolve) => qemu.once('exit', resolve));
      killGroup(qemu);
      await ended;
    }
    await rm(dir, { recursive: true, force: true });
  };
  while (!existsSync(join(dir, 'job/ready'))) {
    const limit = existsSync(join(dir, 'job/init')) ? bootLimit : kernelLimit;
    const late = Date.now() - started > limit * 1000;
    if (late || !isRunning()) {
      const message = `guest ${host.name} ${late ? `was not up after ${limit} s` : 'died while booting'}${consoleTail(dir)}`;
      await end();
      throw new Error(message);
    }
    await sleep(100);
  }
  return { host, dir, bootSeconds: Math.round((Date.now() - started) / 1000), failedBoots, isRunning, end };
}

/** The guest's folder: shared files in `job`, the console's log, and the pipe that rings the agent. */
export async function prepare(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'vfio-isolate-vm-'));
  await mkdir(join(dir, 'job/jobs'), { recursive: true });
  await copyFile(agent, join(dir, 'job/agent'));
  await copyFile(await snapshotTool(), join(dir, 'job/snapshot'));
  await writeFile(join(dir, 'console.log'), '');
  await exec('mkfifo', [join(dir, 'bell.in'), join(dir, 'bell.out')]);
  return dir;
}

/** QEMU under `timeout`, so that no guest outlives its time even where this process was killed. */
export async function start(
  host: Host,
  dir: string,
  packageDir: string,
  acceleration: Acceleration,
  console: string[],
  terminal: 'ignore' | 'inherit',
): Promise<ChildProcess> {
  const args = await qemuArguments(host, { job: join(dir, 'job'), package: packageDir }, acceleration);
  const qemu = spawn(
    'timeout',
    [
      ...['--foreground', '--signal=KILL', String(host.lifetime), program, ...args],
      ...['-pidfile', join(dir, 'pid'), ...console, '-serial', 'chardev:console'],
      ...['-chardev', `pipe,id=bell,path=${join(dir, 'bell')}`, '-serial', 'chardev:bell'],
    ],
    // a group of its own, ended as one
    { detached: terminal === 'ignore', stdio: [terminal, terminal, 'pipe'] },
  );
  if (qemu.stderr) {
    const say = (line: string) => !noise.test(line) && appendFileSync(join(dir, 'console.log'), `${line}\n`);
    createInterface({ input: qemu.stderr }).on('line', say);
  }
  const killWithUs = () => killGroup(qemu);
  process.once('exit', killWithUs);
  qemu.once('exit', () => process.off('exit', killWithUs));
  return qemu;
}

/** Every CPU model names features that emulation lacks. */
const noise = /warning: TCG doesn't support requested feature/;

function killGroup(qemu: ChildProcess): void {
  if (qemu.pid === undefined || qemu.exitCode !== null || qemu.signalCode !== null) return;
  process.kill(-qemu.pid, 'SIGKILL');
}

import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';
import { boot, type Machine } from './boot.js';
import { built } from './build/cache.js';
import { buildImages } from './build/images.js';
import { fillPackage } from './build/package.js';
import { missing } from './capability.js';
import { fellOver } from './console.js';
import { type Host, hosts } from './host.js';
import { acceleration } from './qemu.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where test files lease their guests, or why there are none. */
    vm: { socket: string } | { missing: string };
  }
}

/** How long a guest that was given back waits for the next that names its host; even idle it takes time of the cores. */
const idleSeconds = 20;

/** How each guest fared, for the closing table and for the summary. */
interface Account {
  host: string;
  bootSeconds: number;
  seconds: number;
  commands: number;
  failedBoots: number;
  /** Once it was up. */
  oopses: number;
}

/**
 * Vitest's global setup: one pool of guests for all test files, so that files share boots. A file has its guest to
 * itself for as long as it holds the connection; a host asked for by two files at once is booted twice.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const reason = await missing();
  if (reason) {
    if (process.env['VFIO_ISOLATE_VM'] === 'required') throw new Error(`guests are required, but ${reason}`);
    process.stderr.write(`\nSKIPPED, since ${reason}: all tests on ${Object.keys(hosts).join(', ')}\n\n`);
    project.provide('vm', { missing: reason });
    return;
  }
  const dir = await mkdtemp(join(tmpdir(), 'vfio-isolate-pool-'));
  const packageDir = join(dir, 'package');
  await mkdir(packageDir);
  const pool = new Pool(packageDir, fillPackage(packageDir));
  await buildImages();
  await pool.listen(join(dir, 'socket'));
  project.provide('vm', { socket: join(dir, 'socket') });
  return async () => {
    await pool.close();
    await rm(dir, { recursive: true });
  };
}

class Pool {
  readonly #packageDir: string;
  /** Made while guests boot; one that fails fails every lease. */
  readonly #packed: Promise<void>;
  readonly #server: Server = createServer((socket) => void this.#serve(socket));
  /** With the timer that will end each. */
  readonly #idle = new Map<Machine, NodeJS.Timeout>();
  readonly #accounts: Account[] = [];
  readonly #started = new Map<Machine, number>();

  constructor(packageDir: string, packed: Promise<void>) {
    this.#packageDir = packageDir;
    this.#packed = packed;
    packed.catch(() => {});
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path, resolve));
  }

  /** One client: it sends the host it wants, is told the guest's folder, and says "clean" before it leaves if all went well. */
  async #serve(socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy());
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const host: Host = JSON.parse((await lines.next()).value);
    let machine: Machine;
    try {
      machine = await this.#lease(host);
    } catch (error) {
      socket.end(`${JSON.stringify({ error: String(error instanceof Error ? error.message : error) })}\n`);
      return;
    }
    socket.write(`${JSON.stringify({ dir: machine.dir })}\n`);
    const clean = (await lines.next()).value === 'clean';
    if (clean && machine.isRunning()) {
      const retire = setTimeout(() => {
        this.#idle.delete(machine);
        void this.#end(machine);
      }, idleSeconds * 1000);
      this.#idle.set(machine, retire);
    } else {
      await this.#end(machine);
    }
    socket.end();
  }

  async #lease(host: Host): Promise<Machine> {
    const wanted = JSON.stringify(host);
    for (const [machine, retire] of this.#idle) {
      if (JSON.stringify(machine.host) !== wanted || !machine.isRunning()) continue;
      clearTimeout(retire);
      this.#idle.delete(machine);
      return machine;
    }
    const machine = await boot(host, this.#packageDir, acceleration());
    this.#started.set(machine, Date.now() - machine.bootSeconds * 1000);
    await this.#packed.catch(async (error) => {
      await this.#end(machine);
      throw error;
    });
    process.stderr.write(`vm: ${host.name} up after ${machine.bootSeconds} s\n`);
    return machine;
  }

  async #end(machine: Machine): Promise<void> {
    const started = this.#started.get(machine) ?? 0;
    this.#started.delete(machine);
    this.#accounts.push({
      host: machine.host.name,
      bootSeconds: machine.bootSeconds,
      seconds: Math.round((Date.now() - started) / 1000),
      commands: readdirSync(join(machine.dir, 'job/jobs')).filter((id) =>
        existsSync(join(machine.dir, 'job/jobs', id, 'status')),
      ).length,
      failedBoots: machine.failedBoots,
      oopses: Number(fellOver(machine.dir)),
    });
    await machine.end();
  }

  async close(): Promise<void> {
    this.#server.close();
    await this.#packed.catch(() => {});
    for (const retire of this.#idle.values()) clearTimeout(retire);
    for (const machine of [...this.#started.keys()]) await this.#end(machine);
    const row = (...cells: (string | number)[]) =>
      `  ${cells.map((cell, i) => String(cell)[i ? 'padStart' : 'padEnd'](i ? 9 : 18)).join('')}\n`;
    const table = this.#accounts.map((guest) =>
      row(guest.host, guest.bootSeconds, guest.seconds, guest.commands, guest.failedBoots, guest.oopses),
    );
    process.stderr.write(
      `\nguests (seconds)\n${row('host', 'boot', 'total', 'commands', 'reboots', 'oopses')}${table.join('')}\n`,
    );
    const summary = process.env['VFIO_ISOLATE_VM_SUMMARY'];
    if (summary) await writeFile(summary, `${JSON.stringify({ guests: this.#accounts, built }, null, 2)}\n`);
  }
}

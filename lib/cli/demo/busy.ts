/** A busy process of the demo's own, and where it runs. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { delay } from '../../pause.js';

const SAMPLES = 40;
const PAUSE_MS = 15;
/** proc_pid_stat(5), counted from the field after the name: `processor`, the CPU that it last ran on. */
const PROCESSOR = 36;

export interface Sighting {
  /** Cpulist of the CPUs that it may run on. */
  readonly allowed: string;
  /** How often it was seen running, by CPU. */
  readonly seen: ReadonlyMap<number, number>;
}

export class Busy {
  readonly #leader: ChildProcess;
  readonly #pids: readonly number[];

  private constructor(leader: ChildProcess, pids: readonly number[]) {
    this.#leader = leader;
    this.#pids = pids;
  }

  /** @param cgroup directory of the cgroup that it enters by itself; @param loops how many busy loops it runs */
  static async start(cgroup: string | undefined, loops: number): Promise<Busy> {
    const enter = cgroup === undefined ? '' : `echo $$ > '${cgroup}/cgroup.procs' && `;
    const loop = 'while :; do :; done & echo $!;';
    const script = `${enter}{ ${loop.repeat(loops)} wait; }`;
    // A process group of its own, so that all of it can be ended by one id.
    const { spawn } = process.getBuiltinModule('node:child_process');
    const leader = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    while (text.split('\n').length <= loops) {
      const data = await Promise.race([once(leader.stdout, 'data'), once(leader, 'exit').then(() => undefined)]);
      if (data === undefined) throw new Error('the busy process of the demo ended early');
      text += String(data[0]);
    }
    return new Busy(leader, text.trim().split('\n').map(Number));
  }

  get pids(): readonly number[] {
    return this.#pids;
  }

  async look(): Promise<Sighting> {
    const seen = new Map<number, number>();
    for (let sample = 0; sample < SAMPLES; sample++) {
      for (const pid of this.#pids) {
        const cpu = processorOf(pid);
        seen.set(cpu, (seen.get(cpu) ?? 0) + 1);
      }
      await delay(PAUSE_MS);
    }
    return { allowed: allowedOf(this.#pids[0] ?? 0), seen };
  }

  async end(): Promise<void> {
    if (this.#leader.pid === undefined || this.#leader.exitCode !== null || this.#leader.signalCode !== null) return;
    const ended = once(this.#leader, 'exit');
    process.kill(-this.#leader.pid, 'SIGKILL');
    await ended;
    while (this.#pids.some(lives)) await delay(PAUSE_MS);
  }
}

function processorOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[PROCESSOR]);
}

function allowedOf(pid: number): string {
  return /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '?';
}

function lives(pid: number): boolean {
  return readdirSync('/proc').includes(String(pid));
}

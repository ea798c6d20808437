/** An interactive shell on a terminal of its own, typed into as a person would. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** A shell that has shown nothing new for so long has done what it was asked for. */
const QUIET_MS = 400;
const LIMIT_MS = 20_000;

export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  #shown = '';

  /** @param command as a shell has it; script(1) gives it a terminal */
  constructor(command: string, options: { cwd: string; env: NodeJS.ProcessEnv }) {
    this.#child = spawn('script', ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'], options);
    this.#child.stdout.on('data', (text) => {
      this.#shown += text;
    });
  }

  /** Types, and waits until the shell has come to rest. @returns what it has shown since */
  async type(keys: string): Promise<string> {
    const before = this.#shown.length;
    this.#child.stdin.write(keys);
    const until = performance.now() + LIMIT_MS;
    for (let seen = -1, quiet = 0; quiet < QUIET_MS && performance.now() < until; quiet += 50) {
      if (this.#shown.length !== seen || seen === before) quiet = 0;
      seen = this.#shown.length;
      await delay(50);
    }
    return this.#shown.slice(before);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    // The terminal closes with it, which ends the shell.
    this.#child.kill('SIGKILL');
    await exit;
  }
}

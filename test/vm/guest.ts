import { randomUUID } from 'node:crypto';
import { constants, existsSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { consoleTail, fellOver, stoodStill } from './console.js';
import { parseSnapshot, type Snapshot } from './snapshot.js';

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Seconds after which the command is killed and `run` rejects; 60 if unsaid. */
  readonly limit?: number;
  /** What the command reads on standard input; nothing if unsaid. */
  readonly input?: string;
}

/** Runs commands in a booted guest, from any process that knows its folder. Several commands may run at once. */
export class Guest {
  readonly #name: string;
  #dir: string;
  /** Why this guest is of no use any more. */
  #end: Error | undefined;

  constructor(name: string, dir = '') {
    this.#name = name;
    this.#dir = dir;
  }

  /** From here on it is the guest of that folder. */
  attach(dir: string): void {
    this.#dir = dir;
    this.#end = undefined;
  }

  /** Runs one command, without a shell between: arguments arrive as they are. Whatever its status, it is returned. */
  run(file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Result> {
    return this.sh(`exec ${[file, ...args].map(quote).join(' ')}`, options);
  }

  /** Runs a script by the guest's /bin/sh. */
  async sh(script: string, { limit = 60, input = '' }: RunOptions = {}): Promise<Result> {
    // what clears up after a failure says why it failed, not that nothing answers
    if (this.#end) throw this.#end;
    const id = randomUUID();
    const job = join(this.#dir, 'job/jobs', id);
    await mkdir(job);
    await writeFile(join(job, 'command'), `${script}\n`);
    await writeFile(join(job, 'stdin'), input);
    const rung = Date.now();
    if (!(await this.#ring(`${id} ${limit}\n`))) throw this.#died(script);
    // the guest's own clock ends the command first; what says nothing well after that is lost
    const lost = rung + (limit + 30) * 1000;
    while (!existsSync(join(job, 'status'))) {
      if (!this.isRunning()) throw this.#died(script);
      // no program can have it stop
      if (Date.now() > lost) throw await this.#giveUp(this.#failure(`${stoodStill} while it ran: ${script}`));
      await sleep(20);
    }
    const status = Number(await readFile(join(job, 'status'), 'utf8'));
    const stdout = await readFile(join(job, 'stdout'), 'utf8');
    const stderr = await readFile(join(job, 'stderr'), 'utf8');
    const killed = status === 137 && Date.now() - rung >= limit * 1000;
    if (killed) {
      const late = this.#failure(`was not done after ${limit} s with: ${script}\n${stdout}${stderr}`);
      // whatever is tried again finds a guest that nothing has half done
      throw fellOver(this.#dir) ? await this.#giveUp(late) : late;
    }
    return { status, stdout, stderr };
  }

  /** Runs a script that has to succeed and returns its output. */
  async must(script: string, options: RunOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.sh(script, options);
    if (status !== 0) throw new Error(`guest ${this.#name}: status ${status} from: ${script}\n${stdout}${stderr}`);
    return stdout;
  }

  /** All that the tool may change on this host, as it is now. */
  async snapshot(): Promise<Snapshot> {
    return parseSnapshot(await this.must('snapshot'));
  }

  /** Installs the package as a user does, from what `npm pack` made, and the one that does nothing; once a guest. */
  async install(): Promise<void> {
    await this.must(install, { limit: 400 });
  }

  isRunning(): boolean {
    try {
      return process.kill(Number(readFileSync(join(this.#dir, 'pid'), 'utf8')), 0);
    } catch {
      return false;
    }
  }

  /** Whether there is a guest that hears it; without one, to open the pipe for writing would block. */
  async #ring(line: string): Promise<boolean> {
    let bell: FileHandle | undefined;
    try {
      bell = await open(join(this.#dir, 'bell.in'), constants.O_WRONLY | constants.O_NONBLOCK);
      await bell.write(line);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENXIO' || code === 'EPIPE') return false;
      throw error;
    } finally {
      await bell?.close();
    }
  }

  #died(script: string): Error {
    this.#end = this.#failure(`died while it ran: ${script}`);
    return this.#end;
  }

  /** Ends it: it is of no use any more. */
  async #giveUp(why: Error): Promise<Error> {
    this.#end = why;
    process.kill(Number(readFileSync(join(this.#dir, 'pid'), 'utf8')), 'SIGKILL');
    while (this.isRunning()) await sleep(20);
    return why;
  }

  #failure(what: string): Error {
    return new Error(`guest ${this.#name} ${what}${consoleTail(this.#dir)}`);
  }
}

const install = `
[ -e /opt/installed ] && exit 0
npm install --global --offline --no-audit --no-fund --no-update-notifier \\
  /opt/package/package.tgz /opt/package/no-op.tgz && touch /opt/installed`;

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Where faults are tried: here in a scratch cpuset, or in a guest. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { BIN, type Ended, execute } from '../support/cli.js';
import type { Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';

export interface Status {
  /** 137 where it was killed. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bench {
  /** The undo record of all runs. */
  readonly undo: string;
  /** strace's log. */
  readonly log: string;
  /** Runs the command line, under strace where that is given words. */
  run(words: readonly string[], strace?: readonly string[]): Promise<Status>;
  readLog(): Promise<string>;
  hasRecord(): Promise<boolean>;
  /** Removes the record, and what else lies beside it. */
  clear(): Promise<void>;
  /** Takes note of how the host is. @returns what tells of each difference since, a line each */
  watch(): Promise<() => Promise<string[]>>;
}

/** A run's words with a lock of its own, in a mount namespace of its own: whatever else runs on this machine takes the other. */
export function withOwnLock(command: readonly string[]): [program: string, words: string[]] {
  mkdirSync('/run/vfio-isolate', { recursive: true, mode: 0o700 });
  const script = 'mount -t tmpfs -o mode=700 none /run/vfio-isolate && exec "$@"';
  return ['unshare', ['--mount', '--propagation', 'private', '/bin/sh', '-c', script, 'sh', ...command]];
}

export interface BenchInPlace extends Bench {
  /** Names of the record and of what lies beside it. */
  files(): string[];
  /** Runs the command line, and kills it after so many milliseconds. */
  runFor(milliseconds: number, words: readonly string[]): Promise<Status>;
}

export function benchIn(scratch: Scratch): BenchInPlace {
  const records = `${scratch.folder}/records`;
  const log = `${scratch.folder}/strace`;
  mkdirSync(records);
  return {
    undo: `${records}/undo`,
    log,
    async run(words, strace) {
      const command = [process.execPath, BIN, ...words];
      return statusOf(
        await execute(...withOwnLock(strace === undefined ? command : ['strace', ...strace, ...command])),
      );
    },
    runFor: async (milliseconds, words) => {
      const command = withOwnLock([process.execPath, BIN, ...words]);
      return statusOf(await execute(...command, { timeout: milliseconds, killSignal: 'SIGKILL' }));
    },
    readLog: async () => readFileSync(log, 'utf8'),
    hasRecord: async () => existsSync(`${records}/undo`),
    async clear() {
      for (const name of readdirSync(records)) rmSync(`${records}/${name}`);
    },
    files: () => readdirSync(records),
    async watch() {
      const before = snapshot(scratch.directory);
      return async () => {
        const after = snapshot(scratch.directory);
        const things = [...new Set([...Object.keys(before), ...Object.keys(after)])];
        const different = things.filter((thing) => before[thing] !== after[thing]);
        return different.map((thing) => `${thing}: ${before[thing] ?? 'absent'} -> ${after[thing] ?? 'absent'}`);
      };
    },
  };
}

const statusOf = ({ status, signal, stdout, stderr }: Ended): Status => ({
  status: signal === 'SIGKILL' ? 137 : (status ?? -1),
  stdout,
  stderr,
});

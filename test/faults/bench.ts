/** Where faults are tried: here in a scratch cpuset, or in a guest. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { BIN, type Ended, execute } from '../support/cli.js';
import { recordFile } from '../support/record.js';
import type { Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';

export interface Status {
  /** 137 where it was killed. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bench {
  /** The name of the undo record of all runs. */
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

/**
 * A run's words with a lock and records of its own, in a mount namespace of its own: whatever else runs on this machine
 * has the others.
 */
export function withOwnStore(store: string, command: readonly string[]): [program: string, words: string[]] {
  for (const path of ['/run/vfio-isolate', store]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const script = 'mount --bind "$0" /run/vfio-isolate && exec "$@"';
  return ['unshare', ['--mount', '--propagation', 'private', '/bin/sh', '-c', script, store, ...command]];
}

export interface BenchInPlace extends Bench {
  /** Where the records are kept. */
  readonly store: string;
  /** Where the record lies. */
  readonly record: string;
  /** All that lies where the records are kept, beside the lock. */
  files(): string[];
  /** Runs the command line, and kills it after so many milliseconds. */
  runFor(milliseconds: number, words: readonly string[]): Promise<Status>;
}

export function benchIn(scratch: Scratch): BenchInPlace {
  const records = `${scratch.folder}/records`;
  const undo = `${scratch.folder}/undo`;
  const record = basename(recordFile(undo));
  const log = `${scratch.folder}/strace`;
  mkdirSync(records, { mode: 0o700 });
  const recordsIn = () => readdirSync(records).filter((name) => name !== 'lock');
  return {
    undo,
    store: records,
    record: `${records}/${record}`,
    log,
    async run(words, strace) {
      const command = [process.execPath, BIN, ...words];
      return statusOf(
        await execute(...withOwnStore(records, strace === undefined ? command : ['strace', ...strace, ...command])),
      );
    },
    runFor: async (milliseconds, words) => {
      const command = withOwnStore(records, [process.execPath, BIN, ...words]);
      return statusOf(await execute(...command, { timeout: milliseconds, killSignal: 'SIGKILL' }));
    },
    readLog: async () => readFileSync(log, 'utf8'),
    hasRecord: async () => existsSync(`${records}/${record}`),
    async clear() {
      for (const name of recordsIn()) rmSync(`${records}/${name}`);
    },
    files: recordsIn,
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

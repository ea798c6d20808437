/** Two cycles with one record, the first of which could not be restored as a whole. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type Command, type RunOptions, run } from '../../lib/index.js';
import { recordFile, rewrite } from './record.js';
import type { Scratch } from './scratch.js';

export type Cycles = ReturnType<typeof cyclesIn>;

/** @param scratch in which `guest` and others are made; nothing else touches them */
export function cyclesIn(scratch: Scratch) {
  const undo = `${scratch.folder}/undo`;
  for (const name of ['guest', 'stuck', 'home', 'elsewhere']) scratch.make(name);

  const at = (name: string) => `${scratch.name}/${name}`;
  const move = (from: string, to: string): Command => ({
    name: 'move-tasks',
    parameters: { cpusetFrom: at(from), cpusetTo: at(to) },
  });
  const pin = (cpuSet: string, ...pids: number[]): Command => ({
    name: 'task-affinity',
    parameters: { cpuSet, pid: pids.map(String) },
  });
  const good = async (commands: Command[], options: RunOptions = {}) => {
    const report = await run(commands, { undo, ...options });
    expect(report.error).toBeUndefined();
    return report;
  };
  const restore = (options: RunOptions) => run([{ name: 'restore', parameters: { undoFile: undo } }], options);
  const restored = async (options: RunOptions = {}) => {
    const { error, commands } = await restore(options);
    expect(error).toBeUndefined();
    return commands[0];
  };
  const failed = async (reason: RegExp, options: RunOptions = {}) => {
    const { error, commands } = await restore(options);
    expect(error?.code).toBe('ERR_INCOMPLETE');
    expect(commands[0]?.failures.map(({ message }) => message)).toEqual([expect.stringMatching(reason)]);
    return commands[0];
  };
  const put = (pid: number, name: string, list = 'cgroup.procs') =>
    writeFileSync(`${scratch.directory}/${name}/${list}`, `${pid}`);
  const placeOf = (pid: number) =>
    /^\d+:[^:]*cpuset[^:]*:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1]?.slice(scratch.name.length);
  const cpusOf = (pid: number) =>
    /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  /** A cpuset without CPUs takes no tasks. */
  const close = (name: string) => scratch.write(`${name}/cpuset.cpus`, '\n');
  const open = (name: string) => scratch.write(`${name}/cpuset.cpus`, '0-1');

  /** Takes a task out of what is marked. */
  function unmark(tid: number): void {
    rewrite(recordFile(undo), (entry) =>
      entry['type'] === 'undone-tasks'
        ? { ...entry, tasks: (entry['tasks'] as [number, number][]).filter(([other]) => other !== tid) }
        : entry,
    );
  }

  return { undo, at, move, pin, good, restored, failed, put, placeOf, cpusOf, close, open, unmark };
}

// Processes that the test itself starts; nobody else's CPUs are touched.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openHost } from '../../lib/host.js';
import { type Command, type RunOptions, run } from '../../lib/index.js';
import { taskStatus } from '../../lib/kernel/tasks.js';
import { newControl } from '../../lib/native.js';
import { affinityKind, affinityStep } from '../../lib/steps/affinity/affinity.js';
import { vfioIsolate } from '../support/cli.js';
import { notInPlace, openScratch } from '../support/scratch.js';
import { taskset } from '../support/snapshot.js';

const online = readFileSync('/sys/devices/system/cpu/online', 'utf8').trim();
const cannot = process.geteuid?.() !== 0 ? 'not root' : online === '0' ? 'a single CPU' : undefined;

const pin = (cpuSet: string, ...pid: (number | string)[]): Command => ({
  name: 'task-affinity',
  parameters: { cpuSet, pid: pid.map(String) },
});
const fails: Command = { name: 'cpu-governor', parameters: { governor: 'none such', cpuSet: 'C9999' } };

const cpusOf = (tid: number) =>
  /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(`/proc/${tid}/status`, 'utf8'))?.[1] ?? '';
const threadsOf = (pid: number) => readdirSync(`/proc/${pid}/task`).map(Number);
const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
const cpusOfThreads = (pid: number) => new Set(threadsOf(pid).map(cpusOf));

describe.skipIf(cannot)(`task-affinity, in place (${cannot ?? `CPUs ${online}`})`, () => {
  const started: ChildProcess[] = [];
  let folder: string;
  let undo: string;
  /** What a task has that nobody has restricted. */
  const all = cannot ? '' : cpusOf(process.pid);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-affinity-'));
    undo = `${folder}/undo`;
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      for (const pid of childrenOf(child.pid ?? 0)) process.kill(pid, 'SIGKILL');
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    rmSync(folder, { recursive: true });
  });

  /** A process of several threads. */
  async function manyThreads(): Promise<number> {
    return start(process.execPath, ['-e', 'console.log("ready"); setInterval(() => {}, 1e6)']);
  }

  /** A shell that starts a child for each line it reads. */
  const shell = () => start('/bin/sh', ['-c', 'echo ready; while read line; do sleep 1000 & echo born; done']);

  async function start(program: string, words: string[]): Promise<number> {
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    started.push(child);
    await once(child.stdout, 'data');
    return child.pid ?? 0;
  }

  /** @returns the child that was born */
  async function bear(pid: number): Promise<number> {
    const child = started.find((one) => one.pid === pid);
    const before = childrenOf(pid);
    child?.stdin?.write('\n');
    if (child?.stdout) await once(child.stdout, 'data');
    return childrenOf(pid).find((one) => !before.includes(one)) ?? 0;
  }

  const good = async (commands: Command[], options: RunOptions = {}) => {
    const report = await run(commands, options);
    expect(report.error).toBeUndefined();
    expect(report.ok).toBe(true);
    return report;
  };
  const restore = (options: RunOptions = {}) => run([{ name: 'restore', parameters: { undoFile: undo } }], options);

  test('a process has the CPUs with all its threads, and has its own back', async () => {
    const pid = await manyThreads();
    const [, second = 0] = threadsOf(pid);
    taskset('1', second);
    const report = await good([pin('C0', pid)], { undo });
    expect(cpusOfThreads(pid)).toEqual(new Set(['0']));
    expect(report.commands[0]?.changes[0]?.changed).toBe(threadsOf(pid).length);
    expect((await restore()).error).toBeUndefined();
    expect(cpusOf(second)).toBe('1');
    expect(
      new Set(
        threadsOf(pid)
          .filter((tid) => tid !== second)
          .map(cpusOf),
      ),
    ).toEqual(new Set([all]));
  });

  test('a thread that is not the first of its process is set alone', async () => {
    const pid = await manyThreads();
    const [first = 0, second = 0, ...others] = threadsOf(pid);
    await good([pin('C0', second)], { undo });
    expect([first, ...others].map(cpusOf)).toEqual([first, ...others].map(() => all));
    expect(cpusOf(second)).toBe('0');
    await restore();
    expect(cpusOf(second)).toBe(all);
  });

  test('from two runs it goes back to the first', async () => {
    const pid = await shell();
    await good([pin('C0', pid)], { undo });
    await good([pin('C1', pid)], { undo });
    expect(cpusOf(pid)).toBe('1');
    expect((await restore()).error).toBeUndefined();
    expect(cpusOf(pid)).toBe(all);
    expect((await restore()).commands[0]?.notes[0]).toMatch(/^nothing to restore/);
  });

  test('a chain that fails is rolled back, to what this run found', async () => {
    const pid = await shell();
    await good([pin('C0', pid)], { undo });
    const report = await run([pin('C1', pid), fails], { undo });
    expect(report.commands.map(({ status }) => status)).toEqual(['undone', 'failed']);
    expect(report.rollbackErrors).toEqual([]);
    expect(cpusOf(pid)).toBe('0');
    await restore();
    expect(cpusOf(pid)).toBe(all);
  });

  test('children born since, and theirs, have back what their parent had first', async () => {
    const pid = await shell();
    const elder = await bear(pid);
    await good([pin('C0', pid)], { undo });
    const younger = await bear(pid);
    const chosen = await bear(pid);
    taskset('1', chosen);
    expect([elder, younger, chosen].map(cpusOf)).toEqual([all, '0', '1']);
    expect((await restore()).error).toBeUndefined();
    expect([pid, elder, younger, chosen].map(cpusOf)).toEqual([all, all, all, '1']);
  });

  test('a child that had these CPUs before keeps them', async () => {
    const pid = await shell();
    const elder = await bear(pid);
    taskset('0', elder);
    // Start times count in clock ticks.
    await new Promise((resolve) => setTimeout(resolve, 30));
    await good([pin('C0', pid)], { undo });
    await restore();
    expect([pid, elder].map(cpusOf)).toEqual([all, '0']);
  });

  test('threads born since have back what their process had first', async () => {
    const script =
      "console.log('ready'); process.stdin.on('data', () => { const w = new (require('worker_threads').Worker)('setInterval(() => {}, 1e6)', { eval: true }); w.on('online', () => console.log('born')); })";
    const pid = await start(process.execPath, ['-e', script]);
    await good([pin('C0', pid)], { undo });
    const before = threadsOf(pid);
    started.at(-1)?.stdin?.write('\n');
    const output = started.at(-1)?.stdout;
    if (output) await once(output, 'data');
    expect(threadsOf(pid).length).toBeGreaterThan(before.length);
    expect(cpusOfThreads(pid)).toEqual(new Set(['0']));
    await restore();
    expect(cpusOfThreads(pid)).toEqual(new Set([all]));
  });

  test('what somebody else has set since is left and reported; force restores it', async () => {
    const [pid, other] = [await shell(), await shell()];
    await good([pin('C0', pid, other)], { undo });
    taskset('1', pid);
    const report = await restore();
    expect(report.error).toMatchObject({ code: 'ERR_INCOMPLETE' });
    expect(report.error?.message).toContain(`CPUs of task ${pid} (sh) are 1, set by somebody else; were all`);
    expect([pid, other].map(cpusOf)).toEqual(['1', all]);
    expect((await restore({ force: true })).error).toBeUndefined();
    expect([pid, other].map(cpusOf)).toEqual([all, all]);
  });

  test('how to redo can be recorded', async () => {
    const pid = await shell();
    await good([pin('C0', pid)], { undo });
    const redo = `${folder}/redo`;
    expect((await restore({ undo: redo })).error).toBeUndefined();
    expect(cpusOf(pid)).toBe(all);
    await good([{ name: 'restore', parameters: { undoFile: redo } }]);
    expect(cpusOf(pid)).toBe('0');
  });

  test('tasks that appear while others are set are set too, each on record before', async () => {
    const pid = await manyThreads();
    const host = openHost();
    const scope = { processes: [[pid, taskStatus(host, pid)?.start ?? 0] as const], threads: [], kernelThreads: false };
    const details: object[] = [];
    const ledger = {
      append: async (detail: object) => {
        expect(cpusOfThreads(pid)).toEqual(new Set([all, '0']));
        details.push(detail);
      },
      lend: () => Promise.reject(new Error('not lent')),
    };
    const step = { ...affinityStep(host, [[pid, scope.processes[0]?.[1] ?? 0, null, '0']], scope) };
    const outcome = await affinityKind.apply(step, { host, control: newControl(), ledger });
    expect(outcome.changed).toBe(threadsOf(pid).length);
    expect(cpusOfThreads(pid)).toEqual(new Set(['0']));
    // TIDs begin anew at pid_max: the first of a process need not be its lowest.
    const late = threadsOf(pid).filter((tid) => tid !== pid);
    const expected = late.map((tid) => [tid, taskStatus(host, tid)?.start, null, '0']);
    expect(details).toEqual([{ late: expect.arrayContaining(expected) }]);
    expect((details[0] as { late: unknown[] }).late).toHaveLength(late.length);
    const entry = { step, parts: [{ step, details: details as Record<string, unknown>[] }] };
    const back = await affinityKind.undo(entry, host, { force: false, settle: false, leaving: new Set<string>() });
    for (const one of back.steps) await affinityKind.apply(one as typeof step, { host, control: newControl() });
    expect(cpusOfThreads(pid)).toEqual(new Set([all]));
  });

  test('one that exits meanwhile is counted; one that does not exist is named', async () => {
    const pid = await shell();
    const host = openHost();
    const step = affinityStep(host, [[pid, 1, null, '0']]);
    expect(await affinityKind.apply(step, { host, control: newControl() })).toMatchObject({ changed: 0, gone: 1 });
    expect(cpusOf(pid)).toBe(all);
    const ended = await vfioIsolate('task-affinity', 'C0', String(pid), '4194304', 'drop-caches');
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(ended.stderr).toContain('task-affinity: there is no task 4194304');
    expect(cpusOf(pid)).toBe(all);
  });

  test.each([
    [[], 'task-affinity is told no task; name PIDs, or --kernel-threads'],
    [['0'], '"0" is no PID'],
    [['-1'], '"-1" is no PID'],
    [['1x'], '"1x" is no PID'],
    [['99999999999'], '"99999999999" is no PID'],
  ])('%j is wrong usage', async (pids, message) => {
    const ended = await vfioIsolate('-n', 'task-affinity', 'C0', '--', ...pids);
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(ended.stderr).toContain(message);
  });

  test('PIDs end where the next command begins, and a dry run says what it would do', async () => {
    const pid = await shell();
    const ended = await vfioIsolate('-n', 'task-affinity', 'C0', String(pid), 'task-affinity', 'C1', String(pid));
    expect(ended).toEqual({
      status: 0,
      signal: null,
      stdout: `CPUs of task ${pid}: all -> 0\nCPUs of task ${pid}: 0 -> 1\n`,
      stderr: '',
    });
    expect(cpusOf(pid)).toBe(all);
  });

  test('where nothing is to be changed, nothing is', async () => {
    const pid = await shell();
    taskset('0', pid);
    expect((await good([pin('C0', pid)])).commands[0]?.changes).toEqual([]);
  });

  describe.skipIf(notInPlace)(`within a cpuset (${notInPlace ?? 'v1'})`, () => {
    test('CPUs outside of it are refused before anything is touched', async () => {
      const scratch = openScratch();
      scratch.make('narrow', { cpus: '0' });
      const [pid = 0] = await scratch.sleepers('narrow', 1);
      const outside = await shell();
      const report = await run([pin('C1', outside, pid)]);
      expect(report.error?.message).toBe(`task ${pid} (sleep) cannot run on CPUs 1: its cpuset allows only 0`);
      expect(cpusOf(outside)).toBe(all);
    });

    test('CPUs that it has not all of are told of', async () => {
      const scratch = openScratch();
      scratch.make('narrow', { cpus: '0' });
      const [pid = 0] = await scratch.sleepers('narrow', 1);
      const report = await good([pin('C0-1', pid)]);
      expect(report.commands[0]?.notes).toEqual([
        `the cpusets of task ${pid} (sleep) allow not all of CPUs 0-1, but 0`,
      ]);
    });

    test.each(['C0', 'C0-1'])(
      'one that its cpuset alone restricted is given all CPUs back after %s',
      async (cpuSet) => {
        const scratch = openScratch();
        scratch.make('narrow', { cpus: '0' });
        const [pid = 0] = await scratch.sleepers('narrow', 1);
        await good([pin(cpuSet, pid)], { undo });
        expect((await restore()).error).toBeUndefined();
        scratch.write('narrow/cpuset.cpus', '0-1');
        expect(cpusOf(pid)).toBe('0-1');
      },
    );

    test('one whose cpuset was narrowed since is still known to have what it was given', async () => {
      const scratch = openScratch();
      scratch.make('home', { cpus: '0-1' });
      const [pid = 0, wide = 0] = await scratch.sleepers('home', 2);
      taskset('1', pid);
      await good([pin('C0-1', pid), pin('C0-1', wide)], { undo });
      scratch.write('home/cpuset.cpus', '1');
      expect((await restore()).error).toBeUndefined();
      scratch.write('home/cpuset.cpus', '0-1');
      expect([pid, wide].map(cpusOf)).toEqual(['1', '0-1']);
    });
  });
});

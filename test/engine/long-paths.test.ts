/** Cgroups nested until no system call takes their paths, with somebody's task in the innermost: no run is about those. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openHost } from '../../lib/host.js';
import { type Command, moveTasks, run, selectTasks, setAffinities } from '../../lib/index.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { taskset } from '../support/snapshot.js';

/** 17 names of 240 bytes are more than PATH_MAX. */
const nest = `
cd "$1"
name=$(printf 'd%.0s' $(seq 240))
for level in $(seq 17); do
  mkdir "$name"
  cd -P "$name"
  cat ../cpuset.cpus >cpuset.cpus
  cat ../cpuset.mems >cpuset.mems
done
echo $$ >tasks
echo ready
read _`;

describe.skipIf(notInPlace)(`beside a path of over 4,096 bytes, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let end: () => Promise<void>;
  let deep: number;
  /** Others of the test's own that are there. */
  let evicted: number[];
  beforeEach(async () => {
    scratch = openScratch();
    evicted = [];
    for (const name of ['home', 'guest', 'theirs']) scratch.make(name);
    const place = `${scratch.directory}/theirs`;
    const child = spawn('sh', ['-c', nest, 'sh', place], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    deep = child.pid ?? 0;
    end = async () => {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      for (const pid of evicted) process.kill(pid, 'SIGKILL');
      await exit;
      // It goes from one directory to the next, by short names.
      for (let tries = 0; ; tries++) {
        try {
          execFileSync('find', [place, '-mindepth', '1', '-depth', '-type', 'd', '-delete'], { stdio: 'ignore' });
          return;
        } catch (error) {
          if (tries === 50) throw error;
        }
      }
    };
    expect(readFileSync(`/proc/${deep}/cgroup`, 'utf8').length).toBeGreaterThan(4000);
  });
  // Before that of the scratch cpuset, which goes by whole paths.
  afterEach(() => end());

  const at = (name: string) => `${scratch.name}/${name}`;
  const undo = () => `${scratch.folder}/undo`;
  const move: () => Command = () => ({
    name: 'move-tasks',
    parameters: { cpusetFrom: at('home'), cpusetTo: at('guest') },
  });
  const modify = (name: string): Command => ({
    name: 'cpuset-modify',
    parameters: { cpusetName: at(name), cpus: 'C0' },
  });
  const restore = (options = {}) => run([{ name: 'restore', parameters: { undoFile: undo() } }], options);

  test('tasks are moved, cpusets narrowed, CPUs set, and all of it restored', async () => {
    const [pid = 0, pinned = 0] = await scratch.sleepers('home', 2);
    taskset('1', pinned);
    const pin = { name: 'task-affinity', parameters: { cpuSet: 'C0', pid: [String(pid)] } };
    const create = { name: 'cpuset-create', parameters: { cpusetName: at('made'), cpus: 'C0' } };
    for (const dryRun of [true, false])
      expect((await run([create, move(), modify('home'), pin], { undo: undo(), dryRun })).error).toBeUndefined();
    expect(scratch.tids('guest')).toEqual(expect.arrayContaining([pid, pinned]));
    expect((await restore()).error).toBeUndefined();
    expect(scratch.tids('home')).toEqual(expect.arrayContaining([pid, pinned]));
  });

  test('a chain that fails is rolled back', async () => {
    const pids = await scratch.sleepers('home', 2);
    const wrong = { name: 'cpuset-modify', parameters: { cpusetName: at('none'), cpus: 'C0' } };
    const { error, rollbackErrors } = await run([move(), modify('home'), wrong], { undo: undo() });
    expect(error?.message).toContain('none');
    expect(rollbackErrors).toEqual([]);
    expect(scratch.tids('home')).toEqual(expect.arrayContaining(pids));
  });

  test('the cpuset above it is changed, and back', async () => {
    const report = await run(
      [{ name: 'cpuset-modify', parameters: { cpusetName: at('home'), mems: 'N0' } }, modify('guest')],
      {
        undo: undo(),
      },
    );
    expect(report.error).toBeUndefined();
    expect((await restore()).error).toBeUndefined();
    // Those below it have what it would lose: the kernel's own refusal.
    expect((await run([modify('theirs')])).error).toMatchObject({ code: 'EBUSY' });
  });

  test.each([false, true])(
    'a task on record that its owner has put there is named, and the others are restored (force: %s)',
    async (force) => {
      const [pid = 0, moved = 0] = await scratch.sleepers('home', 2);
      expect((await run([move()], { undo: undo() })).error).toBeUndefined();
      evicted.push(moved);
      execFileSync('sh', ['-c', `cd -P /proc/${deep}/cwd && echo ${moved} >tasks`]);
      expect((await restore({ force })).error).toMatchObject({
        code: 'ERR_INCOMPLETE',
        message: expect.stringMatching(new RegExp(`task ${moved} is in .*too long`)),
      });
      expect(scratch.tids('home')).toContain(pid);
    },
  );

  test('calls for many tasks name it, and do the rest', async () => {
    const host = openHost();
    const [pid = 0] = await scratch.sleepers('home', 1);
    expect(await selectTasks(host, { name: 'sleep' })).toContain(pid);
    expect((await moveTasks(host, { tids: [pid, deep] }, at('guest'))).done).toBe(2);
    expect((await setAffinities(host, { tids: [pid, deep] }, [0])).done).toBe(2);
  });
});

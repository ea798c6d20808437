import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import { diff, flag, type Snapshot } from '../snapshot.js';

const root = '/sys/fs/cgroup';
const undo = '/tmp/given.undo';
/** What isolcpus=2-3 leaves to all that nobody has set. */
const given = '0-1,4-7';

/** The CPUs of all tasks in a cgroup that are no kernel threads. */
const cpusIn = ({ tasks }: Snapshot, cgroup: string) =>
  new Set(
    Object.values(tasks)
      .filter((task) => task.cgroup === `0::${cgroup}` && !(task.flags & flag.kernelThread))
      .map(({ cpus }) => cpus),
  );

const done = { status: 0, stdout: '' };

const toolsOf = (guest: Guest) => ({
  run: (...words: string[]) =>
    guest.run(
      'vfio-isolate',
      words.flatMap((word) => word.split(' ')),
    ),
  restore: () => guest.run('vfio-isolate', ['restore', undo]),
  cpusOf: async (pid: string) => (await guest.must(`sed -n 's/^Cpus_allowed_list:\\s*//p' /proc/${pid}/status`)).trim(),
});

/** On 8 CPUs with isolcpus=2-3: a mask that the kernel gave is forgotten by it with any change of the task's cpuset. */
export function kernelGivenMasks(guest: Guest): void {
  const { run, restore, cpusOf } = toolsOf(guest);
  const stickyNote = /(\d+) tasks? now ha(s its|ve their) CPUs set for good: the kernel had given them/;
  /** Starts one, and tells its PID; a mask that is set nobody has given. */
  const sleeper = async (cgroup: string, begin = '') =>
    (await guest.must(`${begin} sleep 10000 >/dev/null 2>&1 & echo $! >${root}${cgroup}/cgroup.procs; echo $!`)).trim();

  beforeEach(async () => {
    await guest.must(`mkdir -p ${root}/busy`);
    await sleeper('/busy');
  });
  afterEach(async () => {
    await guest.must(`kill $(cat ${root}/busy/cgroup.procs) || :
      until rmdir ${root}/busy; do sleep 0.1; done; echo -cpuset >${root}/cgroup.subtree_control`);
  });

  test.each([
    ['within it', 'C0-1', '0-1'],
    ['partly in it', 'C1-5', '1,4-5'],
    ['none of which is in it', 'C2-3', '2-3'],
  ])('tasks of a cpuset that is narrowed have theirs again: %s', async (_, cpus, during) => {
    const before = await guest.snapshot();
    expect(await run(`-u ${undo} cpuset-modify --cpus ${cpus} /busy`)).toMatchObject(done);
    expect(cpusIn(await guest.snapshot(), '/busy')).toEqual(new Set([during]));
    expect(await restore()).toMatchObject(done);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('what is set for good is counted once, and a second time nothing is', async () => {
    const before = await guest.snapshot();
    const narrow = () => run(`-u ${undo} cpuset-modify --cpus C0-1 /busy`);
    expect(await narrow()).toEqual({ ...done, stderr: '' });
    expect((await restore()).stderr).toContain('1 task now has its CPUs set for good: the kernel had given them');
    expect(await narrow()).toEqual({ ...done, stderr: '' });
    expect((await restore()).stderr).not.toMatch(stickyNote);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('no difference shows between a mask that was set for good and one that the kernel gave, until their cpuset changes', async () => {
    await run(`-u ${undo} cpuset-modify --cpus C0-1 /busy`);
    await restore();
    const [set, fresh] = [(await guest.must(`cat ${root}/busy/cgroup.procs`)).trim(), await sleeper('/busy')];
    expect([await cpusOf(set), await cpusOf(fresh)]).toEqual([given, given]);
    await guest.must(`echo +cpuset >${root}/cgroup.subtree_control; echo 0-3 >${root}/busy/cpuset.cpus`);
    expect([await cpusOf(set), await cpusOf(fresh)]).toEqual(['0-1', '0-3']);
  });

  test('what starts while its cpuset is narrowed has them after the restore, whoever its parent is by then', async () => {
    const [parent = ''] = (await guest.must(`cat ${root}/busy/cgroup.procs`)).split('\n');
    expect(await run(`-u ${undo} cpuset-modify --cpus C0-1 /busy`)).toMatchObject(done);
    const service = await sleeper('/busy');
    // Its parent and the parent of that one exit: it is a child of PID 1.
    const orphan = (
      await guest.must(`sh -c 'echo $$ >${root}/busy/cgroup.procs; sh -c "sleep 10000 >/dev/null 2>&1 & echo \\$!"'`)
    ).trim();
    const pinned = await sleeper('/busy', 'taskset -c 1,3');
    expect(await guest.must(`sed -n 's/^PPid:\\s*//p' /proc/${orphan}/status`)).toBe('1\n');
    const pids = [parent, service, orphan, pinned];
    const cpus = async () => Promise.all(pids.map(cpusOf));
    expect(await cpus()).toEqual(['0-1', '0-1', '0-1', '1']);
    const { status, stderr } = await restore();
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringContaining('3 tasks now have their CPUs set'),
    });
    expect(await cpus()).toEqual([given, given, given, '1,3']);
  });

  test('a mask that was set wider than its cpuset is still there when that is widened', async () => {
    await guest.must(`echo +cpuset >${root}/cgroup.subtree_control; echo 0-1 >${root}/busy/cpuset.cpus`);
    const pids = [await sleeper('/busy', 'taskset -c 0-3'), await sleeper('/busy', 'taskset -c 1-3')];
    const before = await guest.snapshot();
    for (const cpus of ['C0', 'C1']) {
      expect(await run(`-u ${undo} cpuset-modify --cpus ${cpus} /busy`)).toEqual({ ...done, stderr: '' });
      expect(await restore()).toEqual({ ...done, stderr: '' });
      expect(diff(before, await guest.snapshot())).toEqual([]);
    }
    await guest.must(`echo 0-4 >${root}/busy/cpuset.cpus`);
    expect(await Promise.all(pids.map(cpusOf))).toEqual(['0-3', '1-3']);
  });

  test('a cpuset of which nothing may run on the CPUs that it would lose is left as it is', async () => {
    const before = await guest.snapshot();
    const { stderr, ...rest } = await run(`-u ${undo} cpuset-modify --cpus C${given} /busy`);
    expect({ ...rest, stderr }).toEqual({
      ...done,
      stderr: expect.stringContaining('nothing in /busy may run on CPUs 2-3: left as it is'),
    });
    expect(diff(before, await guest.snapshot())).toEqual([]);
    // One that may counts, and so does a CPU that is not isolated.
    const pinned = await sleeper('/busy', 'taskset -c 1-2');
    for (const [cpus, during] of [
      [given, '1'],
      ['0-6', '1-2'],
    ]) {
      expect((await run(`-u ${undo} cpuset-modify --cpus C${cpus} /busy`)).status).toBe(0);
      expect(await guest.must(`cat ${root}/busy/cpuset.cpus`)).toBe(`${cpus}\n`);
      expect(await cpusOf(pinned)).toBe(during);
      expect((await restore()).status).toBe(0);
    }
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('somebody else makes and ends a partition meanwhile, which has the kernel reset what it has not been told', async () => {
    const tasks = async () => cpusIn(await guest.snapshot(), '/busy');
    await sleeper('/busy', 'taskset -c 1,6');
    expect(await run(`-u ${undo} cpuset-modify --cpus C0-5 /busy`)).toMatchObject(done);
    expect(await tasks()).toEqual(new Set(['0-1,4-5', '1']));
    await guest.must(`cd ${root} && mkdir part && echo 4-5 >part/cpuset.cpus && echo root >part/cpuset.cpus.partition
      cat part/cpuset.cpus.partition; echo member >part/cpuset.cpus.partition && rmdir part`);
    expect(await restore()).toMatchObject(done);
    expect(await tasks()).toEqual(new Set([given, '1,6']));
    // It was given to the root's tasks as well, which are none of ours.
    await guest.must(`for pid in $(cat ${root}/cgroup.procs); do taskset -pc ${given} $pid; done >/dev/null 2>&1; :`);
  });
}

/** Of a guest that nobody has restored yet: after that all tasks have masks that were set, and hand those on. */
export function kernelGivenMasksOfAll(guest: Guest): void {
  const { run, restore, cpusOf } = toolsOf(guest);

  test('all tasks have theirs again after a move and back, and so has what was born meanwhile', async () => {
    const before = await guest.snapshot();
    expect(cpusIn(before, '/')).toEqual(new Set([given]));
    expect(await run(`-u ${undo} cpuset-create --cpus C0-1 /host move-tasks / /host`)).toMatchObject(done);
    expect(cpusIn(await guest.snapshot(), '/host')).toEqual(new Set(['0-1']));
    const child = (await guest.must('sh -c "sleep 10000 >/dev/null 2>&1 & echo \\$!"')).trim();
    expect(await cpusOf(child)).toBe('0-1');
    const { stderr, ...rest } = await restore();
    expect({ ...rest, stderr }).toEqual({
      ...done,
      stderr: expect.stringMatching(/^vfio-isolate: restore: \d\d tasks now have their CPUs set for good/m),
    });
    expect([await cpusOf(child), await guest.must(`cat /proc/${child}/cgroup`)]).toEqual([given, '0::/\n']);
    await guest.must(`kill ${child}`);
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test.each([
    ['partly in it', 'C1-5', '1,4-5'],
    ['none of which is in it', 'C2-3', '2-3'],
  ])('a second time, to a cpuset with other CPUs: %s', async (_, cpus, during) => {
    const before = await guest.snapshot();
    expect(await run(`-u ${undo} cpuset-create --cpus ${cpus} /host move-tasks / /host`)).toMatchObject(done);
    expect(cpusIn(await guest.snapshot(), '/host')).toEqual(new Set([during]));
    expect(await restore()).toEqual({ ...done, stderr: expect.not.stringMatching(/set for good/) });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });
}

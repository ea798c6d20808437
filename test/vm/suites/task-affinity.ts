import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { diff, flag, type Snapshot, type Task } from '../snapshot.js';

/** Kernel threads that may be moved and are not bound to a node or an interrupt; those of a name, where one is given. */
function kernelThreads({ tasks }: Snapshot, name = /^(?!kswapd|kcompactd|irq\/)/): Task[] {
  return Object.values(tasks).filter(
    (task) => task.flags & flag.kernelThread && !(task.flags & flag.unmovable) && name.test(task.name),
  );
}

const cpusOf = (tasks: readonly Task[]) => [...new Set(tasks.map(({ cpus }) => cpus))];

/** Which tasks have these CPUs, as a reader would look for them. */
const named = (tasks: readonly Task[]) => tasks.map(({ name, cpus }) => `${name} on ${cpus}`);

/** kthreadd, all kernel threads that may be moved, and those born meanwhile. */
export function taskAffinity(guest: Guest, host: Host): void {
  const all = `0-${host.cpus - 1}`;
  const done = { status: 0, stdout: '' };
  const newborn = /^scsi_eh/;

  /** Loads a module whose host adapter has a kernel thread of its own. */
  const bear = async () => {
    await guest.must('modprobe scsi_debug');
    const threads = kernelThreads(await guest.snapshot(), newborn);
    expect(threads.length).toBeGreaterThan(0);
    return threads;
  };
  // 7.2 keeps a workqueue of the adapter's when the module has gone.
  const differences = (before: Snapshot, after: Snapshot) =>
    diff(before, after).filter((line) => !line.includes('/workqueue/scsi_tmf_'));
  // Its devices are in use for as long as they are scanned.
  const bury = () => guest.must('until rmmod scsi_debug; do sleep 1; done');

  test('all kernel threads that may be moved have the CPUs, and each its own again, also those born meanwhile', async () => {
    const before = await guest.snapshot();
    const words = ['-v', '-u', '/tmp/undo', 'task-affinity', 'C0-1', '--kernel-threads'];
    const { stderr, ...rest } = await guest.run('vfio-isolate', words);
    expect(rest).toEqual(done);
    expect(stderr).toMatch(
      /^vfio-isolate: task-affinity: \d+ changed; \d+ refused: \d+ \(kernel thread bound to its CPUs/m,
    );
    expect(stderr).toMatch(/^ {2}task \d+ \(kswapd0\): kernel thread bound to a NUMA node, left where it is$/m);
    const during = await guest.snapshot();
    expect(kernelThreads(during).length).toBeGreaterThan(5);
    expect(named(kernelThreads(during).filter(({ cpus }) => cpus !== '0-1' && cpus !== '0' && cpus !== '1'))).toEqual(
      [],
    );
    const kept = diff(before, during).filter((line) => /kswapd|kcompactd/.test(line));
    expect(kept).toEqual([]);
    // From some release between the two on, what kthreadd has is handed down.
    expect(cpusOf(await bear())).toEqual([host.kernel === '6.1' ? all : '0-1']);
    expect(await guest.run('vfio-isolate', ['restore', '/tmp/undo'])).toEqual({ ...done, stderr: '' });
    const grown = await guest.snapshot();
    await bury();
    expect(cpusOf(kernelThreads(grown, newborn))).toEqual([all]);
    expect(differences(before, await guest.snapshot())).toEqual([]);
  });

  test("in a chain, kthreadd alone, as the hook's taskset has it", async () => {
    const before = await guest.snapshot();
    const chain = ['drop-caches', 'task-affinity', 'C0-1', '2', 'compact-memory'];
    expect(await guest.run('vfio-isolate', ['-u', '/tmp/undo', ...chain])).toEqual({ ...done, stderr: '' });
    expect(cpusOf(kernelThreads(await guest.snapshot(), /^kthreadd$/))).toEqual(['0-1']);
    await bear();
    expect(await guest.run('vfio-isolate', ['restore', '/tmp/undo'])).toEqual({ ...done, stderr: '' });
    const grown = await guest.snapshot();
    await bury();
    expect(cpusOf(kernelThreads(grown, newborn))).toEqual([all]);
    expect(differences(before, await guest.snapshot())).toEqual([]);
  });

  test('a chain that fails leaves nothing', async () => {
    const before = await guest.snapshot();
    const chain = ['task-affinity', 'C0-1', '--kernel-threads', 'cpu-governor', 'none'];
    const { status, stderr } = await guest.run('vfio-isolate', chain);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('rolled back: task-affinity') });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  test('twice on one record, then restored', async () => {
    const before = await guest.snapshot();
    for (const cpus of ['C0-1', 'C1-2']) {
      const { status } = await guest.run('vfio-isolate', [
        '-u',
        '/tmp/undo',
        'task-affinity',
        cpus,
        '--kernel-threads',
      ]);
      expect(status).toBe(0);
    }
    expect(await guest.run('vfio-isolate', ['restore', '/tmp/undo'])).toEqual({ ...done, stderr: '' });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });

  // A move on v2 keeps the masks.
  if (host.hierarchy === 'v2') return;
  test.each([
    ['before', ['task-affinity', 'C1-2', 'PID', 'move-tasks', '/a', '/b']],
    ['after', ['move-tasks', '/a', '/b', 'task-affinity', 'C1', 'PID']],
  ])('a task that is set %s a move, which overwrites masks, has its own again', async (_when, chain) => {
    await guest.must('vfio-isolate cpuset-create /a cpuset-create --cpus C0-1 /b');
    const script = 'sleep 1000 >/dev/null 2>&1 & echo $! >/sys/fs/cgroup/cpuset/a/tasks; echo $!';
    const [free = '', pinned = ''] = [(await guest.must(script)).trim(), (await guest.must(script)).trim()];
    await guest.must(`taskset -pc 1,3 ${pinned}`);
    const before = await guest.snapshot();
    const words = chain.flatMap((word) => (word === 'PID' ? [free, pinned] : [word]));
    const { status, stderr } = await guest.run('vfio-isolate', ['-u', '/tmp/undo', ...words]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(await guest.must(`taskset -pc ${free}; taskset -pc ${pinned}`)).toMatch(/list: 1\n.*list: 1\n/);
    expect(await guest.run('vfio-isolate', ['restore', '/tmp/undo'])).toEqual({ ...done, stderr: '' });
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must(`kill ${free} ${pinned}; vfio-isolate cpuset-delete /a cpuset-delete /b`);
  });
}

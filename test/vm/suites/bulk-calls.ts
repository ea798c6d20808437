import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Guest } from '../guest.js';

const root = '/sys/fs/cgroup';

/** The library's bulk calls on cgroup v2: processes go as wholes, threads only within a threaded cgroup. */
export function bulkCalls(guest: Guest): void {
  let threaded: number;

  /** What a call of the library, written as an expression, comes to. */
  const call = async (expression: string) => {
    const library = '$(dirname "$(readlink -f "$(command -v vfio-isolate)")")/../dist/index.js';
    const script = `import(process.argv[1]).then(async (vfio) => {
      const host = vfio.openHost();
      const plain = (_, value) => (ArrayBuffer.isView(value) ? [...value] : value);
      console.log(JSON.stringify(await (${expression}), plain));
    })`;
    return JSON.parse(await guest.must(`node -e '${script}' "${library}"`, { limit: 120 }));
  };
  const list = async (cgroup: string, file = 'cgroup.procs') =>
    (await guest.must(`cat ${root}/${cgroup}/${file}`)).split('\n').filter(Boolean).map(Number);

  beforeEach(async () => {
    await guest.must(`mkdir ${root}/from ${root}/to
      for i in 1 2 3; do sleep 1000 >/dev/null 2>&1 & echo $! >${root}/from/cgroup.procs; done`);
    const started = `node -e 'setInterval(() => {}, 1e6)' >/dev/null 2>&1 & echo $! >${root}/from/cgroup.procs; echo $!`;
    threaded = Number(await guest.must(`${started}; sleep 2`));
  });

  afterEach(async () => {
    await guest.must(
      `kill -9 $(cat ${root}/from/cgroup.procs ${root}/to/cgroup.procs); sleep 1; rmdir ${root}/from ${root}/to`,
    );
  });

  test('a cgroup is emptied, each process with all its threads', async () => {
    const [processes, threads] = [await list('from'), await list('from', 'cgroup.threads')];
    expect(threads.length).toBeGreaterThan(processes.length + 3);
    const result = await call(`vfio.moveTasks(host, { cgroup: "/from" }, "/to")`);
    expect(result).toEqual({ done: expect.any(Number), gone: 0, refused: [], unsettled: false });
    expect(await list('from')).toEqual([]);
    expect((await list('to')).sort()).toEqual(processes.sort());
    expect((await list('to', 'cgroup.threads')).sort()).toEqual(threads.sort());
  });

  test('a thread stands for its process, or is refused by name where it cannot go alone', async () => {
    const threads = (await guest.must(`ls /proc/${threaded}/task`)).split('\n').filter(Boolean).map(Number);
    const other = threads.find((tid) => tid !== threaded);
    const alone = await call(`vfio.moveTasks(host, { tids: [${other}], threads: true }, "/to")`);
    expect(alone.refused).toEqual([
      { tid: other, comm: expect.any(String), code: 'EOPNOTSUPP', reason: expect.any(String) },
    ]);
    expect(await list('to')).toEqual([]);
    expect(await call(`vfio.moveTasks(host, { tids: [${other}] }, "/to")`)).toMatchObject({ refused: [], gone: 0 });
    expect(await list('to')).toEqual([threaded]);
  });

  test('a filter selects within a cgroup, processes or threads', async () => {
    const [processes, threads] = [await list('from'), await list('from', 'cgroup.threads')];
    const sleeping = processes.filter((pid) => pid !== threaded);
    expect(await call(`vfio.selectTasks(host, { cgroup: "/from" })`)).toEqual(processes);
    expect(await call(`vfio.selectTasksSync(host, { cgroup: "/from", threads: true })`)).toEqual(threads);
    expect(await call(`vfio.selectTasks(host, { cgroup: "/from", name: "sleep" })`)).toEqual(sleeping);
    const moved = await call(`vfio.moveTasks(host, { filter: { cgroup: "/from", name: "sleep" } }, "/to")`);
    expect(moved).toEqual({ done: 3, gone: 0, refused: [], unsettled: false });
    expect(await list('from')).toEqual([threaded]);
  });

  test('every thread of a cgroup gets the CPUs', async () => {
    const threads = await list('from', 'cgroup.threads');
    const result = await call(`vfio.setAffinities(host, { cgroup: "/from" }, [1])`);
    expect(result).toEqual({ done: threads.length, gone: 0, refused: [], unsettled: false });
    const masks = await guest.must(`for t in ${threads.join(' ')}; do taskset -pc $t; done | sed "s/.*: //" | sort -u`);
    expect(masks).toBe('1\n');
    expect(await call(`vfio.selectTasks(host, { cgroup: "/from", threads: true, affinity: [1] })`)).toEqual(threads);
  });
}

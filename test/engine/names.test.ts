/** Cgroups and tasks whose names hold what a pattern takes for the end of a line, or JavaScript for white space. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { openHost } from '../../lib/host.js';
import { run } from '../../lib/index.js';
import { cgroupOf, processOf } from '../../lib/kernel/tasks.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';

const NAMES: [name: string, path: string][] = [
  ['U+2028', 'a\u2028b'],
  ['U+2029 at the end', 'a\u2029'],
  ['a no-break space and a byte order mark at the end', 'a\u00a0\ufeff'],
  ['a blank at the end', 'a '],
  ['what ends a record of a shell', 'a;b$(c)`d`'],
];

describe.skipIf(notInPlace)(`names, in place (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = openScratch();
    scratch.make('guest');
  });
  const at = (name: string) => `${scratch.name}/${name}`;
  const undo = () => `${scratch.folder}/undo`;
  const restore = () => run([{ name: 'restore', parameters: { undoFile: undo() } }]);
  const placeOf = (pid: number) => cgroupOf(openHost(), pid)?.slice(scratch.directory.length + 1);

  test.each(NAMES)('a cgroup with %s in its name: tasks come from it and go home to it', async (_, name) => {
    scratch.make(name);
    const pids = await scratch.sleepers(name, 2);
    expect(pids.map(placeOf)).toEqual([name, name]);
    const move = { name: 'move-tasks', parameters: { cpusetFrom: at(name), cpusetTo: at('guest') } };
    const narrow = { name: 'cpuset-modify', parameters: { cpusetName: at(name), cpus: 'C0' } };
    expect((await run([move, narrow], { undo: undo() })).error).toBeUndefined();
    expect(pids.map(placeOf)).toEqual(['guest', 'guest']);
    expect((await restore()).error).toBeUndefined();
    expect(pids.map(placeOf)).toEqual([name, name]);
    expect(scratch.read(`${name}/cpuset.cpus`)).toBe('0-1');
  });

  test.each(NAMES)('one with %s is made and deleted', async (_, name) => {
    const create = { name: 'cpuset-create', parameters: { cpusetName: at(name), cpus: 'C0' } };
    expect((await run([create], { undo: undo() })).error).toBeUndefined();
    expect((await run([{ name: 'cpuset-delete', parameters: { cpusetName: at(name) } }])).error).toBeUndefined();
    expect((await restore()).error).toBeUndefined();
  });

  test.each(['a\rb', 'a\r', 'a\u0085b'])(
    'a task that its owner has put into %j is not taken for restored',
    async (name) => {
      scratch.make('home');
      scratch.make(name);
      const [pid = 0] = await scratch.sleepers('home', 1);
      const move = { name: 'move-tasks', parameters: { cpusetFrom: at('home'), cpusetTo: at('guest') } };
      expect((await run([move], { undo: undo() })).error).toBeUndefined();
      writeFileSync(`${scratch.directory}/${name}/tasks`, String(pid));
      expect((await restore()).error).toMatchObject({
        code: 'ERR_INCOMPLETE',
        message: expect.stringContaining(`task ${pid} is in`),
      });
    },
  );

  test('a task whose name looks like a line of its status is known by its own process', async () => {
    scratch.make('home');
    const name = '\rTgid:\t1\r';
    const child = await scratch.start('home', `printf '${name}' > /proc/self/comm; echo ready; sleep 1000 & wait`);
    const pid = child.pid ?? 0;
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toContain(`Name:\t${name}`);
    expect(processOf(openHost(), pid)).toBe(pid);
  });
});

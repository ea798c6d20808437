/** What each command that works on cpusets finds and does in a scratch cpuset. */
import type { Scratch } from '../support/scratch.js';
import { taskset } from '../support/snapshot.js';

export interface Scene {
  readonly what: string;
  /** @returns the words of the command line, but for the record */
  prepare(scratch: Scratch): Promise<string[]>;
}

const TASKS = 5;

export const chainOfAll: Scene = {
  what: 'chain of all',
  async prepare(scratch) {
    const [home, old, guest] = [scratch.make('home'), scratch.make('old', { cpus: '0' }), `${scratch.name}/guest`];
    await scratch.sleepers('old', 1);
    const pids = await sleepers(scratch, 'home');
    const create = ['cpuset-create', '--cpus', 'C1', guest, 'move-tasks', home, guest];
    const change = ['cpuset-modify', '-mm', '--cpus', 'C0-1', guest, 'task-affinity', 'C0', ...pids.map(String)];
    return [...create, ...change, 'cpuset-delete', old];
  },
};

export const scenes: readonly Scene[] = [
  {
    what: 'cpuset-create',
    prepare: async ({ name }) => ['cpuset-create', '--cpus', 'C1', '-mm', '-nlb', `${name}/guest`],
  },
  {
    what: 'cpuset-modify',
    async prepare(scratch) {
      const guest = scratch.make('guest');
      await sleepers(scratch, 'guest');
      return ['cpuset-modify', '--cpus', 'C0', '--mems', 'N0', '-mm', '-nlb', guest];
    },
  },
  {
    what: 'move-tasks',
    async prepare(scratch) {
      const guest = scratch.make('guest', { cpus: '1' });
      await scratch.sleepers('guest', 1);
      const home = scratch.make('home');
      await sleepers(scratch, 'home');
      return ['move-tasks', home, guest];
    },
  },
  {
    what: 'cpuset-delete',
    async prepare(scratch) {
      const guest = scratch.make('guest');
      await sleepers(scratch, 'guest');
      return ['cpuset-delete', guest];
    },
  },
  {
    what: 'task-affinity',
    async prepare(scratch) {
      scratch.make('home');
      return ['task-affinity', 'C0', ...(await sleepers(scratch, 'home')).map(String)];
    },
  },
  chainOfAll,
];

/** Some of them with masks of their own. */
async function sleepers(scratch: Scratch, group: string): Promise<number[]> {
  const pids = await scratch.sleepers(group, TASKS);
  const [first = 0, second = 0] = pids;
  taskset('0', first);
  taskset('1', second);
  return pids;
}

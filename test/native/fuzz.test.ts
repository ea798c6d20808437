/**
 * Every call of the addon with random arguments, seeded: with any wrong one among them it is a TypeError or RangeError
 * before anything is done; without, it answers, or fails with an errno. What acts at all acts on a folder, a child and
 * files of the test's own, or on TIDs that no kernel hands out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addon } from './addon.js';
import {
  ANY,
  except,
  NO_BYTES,
  NO_CONTROL,
  NO_DIRECTORY,
  NO_PATH,
  NO_PLACE,
  NO_TEXT,
  NO_TID,
  NO_TIDS,
} from './bad-values.js';

const TURNS = 6000;
/** PID_MAX_LIMIT of 64-bit kernels: TIDs are below it. */
const NO_TASK = 2 ** 22 + 1;

let seed = 20_261_123;
/** From 0 up to, and without, a limit (mulberry32). */
function below(limit: number): number {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}
const one = <T>(values: readonly T[]): T => values[below(values.length)] as T;
const many = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);

let folder: string;
let child: ChildProcess;
let fd: number;
let directory: InstanceType<typeof addon.Directory>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-fuzz-'));
  // One deeper, so that what would lead out leads into this test's own folder.
  mkdirSync(join(folder, 'root/group'), { recursive: true });
  symlinkSync('../..', join(folder, 'root/link'));
  child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  fd = openSync(join(folder, 'record'), 'w+');
  directory = new addon.Directory(join(folder, 'root'));
});
afterAll(() => {
  child.kill('SIGKILL');
  directory.close();
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

const TEXTS = ['', '0', '0-3', '\n', '-1', '\u00ff', '\ud800', 'tasks', '%n%s', '"', '\\', '{"'];
const character = () => String.fromCharCode(below(0x200));
const text = (): string => one([() => one(TEXTS), () => many(40, character).join(''), () => 'x'.repeat(below(9000))])();

type Make = () => unknown;

const tid: Make = () => one([child.pid ?? NO_TASK, NO_TASK, NO_TASK + below(1000)]);
const tids = () => Int32Array.from(many(20, () => Number(tid())));
const bytes = (length: number) => Uint8Array.from({ length }, () => below(256));
const control: Make = () => Int32Array.of(one([0, 0, 0, 1]), 0);
const relative: Make = () =>
  one([
    '',
    'group',
    'group/tasks',
    'tasks',
    'nowhere',
    '..',
    '../record',
    'link',
    'link/x',
    'a/../b',
    './tasks',
    '/x',
    'x'.repeat(300),
  ]);
const list: Make = () => one(['tasks', 'group/tasks', 'group', 'nowhere', 'link/tasks']);
const proc: Make = () => one(['/proc', folder, join(folder, 'nowhere')]);
const path: Make = () => one([folder, `${folder}/record`, `${folder}/root/tasks`, `${folder}/nowhere`, 'relative', '']);
const record: Make = () =>
  one([
    undefined,
    { fd, offset: below(4000), limit: below(10_000), members: one(['"a":1', '"type":"detail","step":3']) },
  ]);

const place = (): object =>
  one([directory, { path: join(folder, 'root') }, { path: path(), type: one([undefined, 0, 1]) }]);

const request = (): object => ({
  hierarchy: place(),
  version: one([1, 2]),
  proc: proc(),
  to: relative(),
  control: control(),
  leave: one([undefined, [], ['kswapd', 'sleep']]),
  record: record(),
  ...one([
    () => ({ from: one(['', 'group', 'nowhere']) }),
    () => {
      const rows = tids();
      return {
        tasks: { tid: rows, start: Float64Array.from(rows, () => one([Number.NaN, 0, 5])) },
        threads: one([true, false]),
      };
    },
  ])(),
});

const masks = () => one([undefined, Uint8Array.of(1), bytes(1 + below(300))]);
const selection = (): object => ({
  proc: proc(),
  control: control(),
  threads: one([undefined, true, false]),
  names: one([undefined, ['sleep'], ['x', text()]]),
  prefixes: one([undefined, ['s'], ['']]),
  uid: one([undefined, 0, 2 ** 32 - 1]),
  kernelThread: one([undefined, true, false]),
  affinity: masks(),
  mayRunOn: masks(),
  ...one([() => ({ hierarchy: place(), list: list() }), () => ({ tids: tids().map((one) => one || NO_TASK) })])(),
});
const WRONG_SELECTIONS: [name: string, bad: readonly unknown[]][] = [
  ['hierarchy', NO_PLACE.filter((value) => value !== undefined)],
  ['tids', [...NO_TIDS.filter((value) => value !== undefined), Int32Array.of(0)]],
  ['proc', NO_PATH],
  ['threads', except(undefined, true)],
  ['names', [...except(undefined), [1], ['x', undefined]]],
  ['prefixes', [...except(undefined), [1]]],
  ['uid', [...except(undefined), 2 ** 32, '0']],
  ['kernelThread', except(undefined, true)],
  ['affinity', [...NO_BYTES.filter((value) => value !== undefined), new Uint8Array(0)]],
  ['mayRunOn', [...NO_BYTES.filter((value) => value !== undefined), new Uint8Array(0)]],
  ['control', NO_CONTROL],
];
const wrongSelection: Make = () => {
  const [name, bad] = one(WRONG_SELECTIONS);
  return { ...selection(), [name]: one(bad) };
};

/** Of a request, a member that is wrong. */
const WRONG_MEMBERS: [name: string, bad: readonly unknown[]][] = [
  ['hierarchy', NO_PLACE],
  ['version', [...NO_TID, 0, 3]],
  ['proc', NO_PATH],
  ['to', NO_PATH],
  ['from', NO_PATH.filter((value) => value !== undefined)],
  ['tasks', except(undefined)],
  ['control', NO_CONTROL],
  ['record', except(undefined)],
];
const wrongRequest: Make = () => {
  const [name, bad] = one(WRONG_MEMBERS);
  return { ...request(), [name]: one(bad) };
};

interface Call {
  readonly call: (...args: never[]) => unknown;
  /** For each argument what makes a right one, and the wrong ones. */
  readonly arguments: readonly (readonly [right: Make, wrong: readonly unknown[] | Make])[];
}

const method = (name: 'read' | 'write' | 'writeApart' | 'makeDirectory' | 'removeDirectory') =>
  ((...args: never[]) => Reflect.apply(directory[name], directory, args)) as Call['call'];

// One mask for all, whatever their number.
const settings: Call['arguments'] = [
  [tids, NO_TIDS],
  [() => bytes(64), NO_BYTES],
  [() => 64, [...NO_TID, 0]],
  [proc, NO_PATH],
  [control, NO_CONTROL],
];

const calls: Record<string, Call> = {
  setErrorFactory: { call: addon.setErrorFactory, arguments: [[() => undefined, except(ANY[7])]] },
  getAffinity: { call: addon.getAffinity, arguments: [[tid, NO_TID]] },
  setAffinity: {
    call: addon.setAffinity,
    arguments: [
      [tid, NO_TID],
      [() => bytes(1 + below(2000)), [...NO_BYTES, new Uint8Array(0), new Uint8Array(2 ** 20 + 1)]],
    ],
  },
  getAffinities: {
    call: addon.getAffinities,
    arguments: [
      [tids, NO_TIDS],
      [control, NO_CONTROL],
    ],
  },
  setAffinities: { call: addon.setAffinities, arguments: settings },
  setAffinitiesSync: { call: addon.setAffinitiesSync, arguments: settings },
  fileSystemType: { call: addon.fileSystemType, arguments: [[path, NO_PATH]] },
  cgroupMounts: { call: addon.cgroupMounts, arguments: [[path, NO_PATH]] },
  Directory: {
    call: ((...args: unknown[]) => Reflect.construct(addon.Directory, args).close()) as Call['call'],
    arguments: [
      [path, NO_PATH],
      [() => one([undefined, 0, 0x9fa0, 2 ** 32 - 1]), [...except(undefined), 2 ** 32]],
    ],
  },
  'Directory.read': { call: method('read'), arguments: [[relative, NO_PATH]] },
  'Directory.write': {
    call: method('write'),
    arguments: [
      [relative, NO_PATH],
      [text, NO_TEXT],
    ],
  },
  'Directory.writeApart': {
    call: method('writeApart'),
    arguments: [
      [relative, NO_PATH],
      [text, NO_TEXT],
    ],
  },
  'Directory.makeDirectory': { call: method('makeDirectory'), arguments: [[relative, NO_PATH]] },
  'Directory.removeDirectory': { call: method('removeDirectory'), arguments: [[relative, NO_PATH]] },
  listTasks: {
    call: addon.listTasks,
    arguments: [
      [() => directory, NO_DIRECTORY],
      [list, NO_PATH],
      [proc, NO_PATH],
      [control, NO_CONTROL],
    ],
  },
  selectTasks: { call: addon.selectTasks, arguments: [[selection, wrongSelection]] },
  selectTasksSync: { call: addon.selectTasksSync, arguments: [[selection, wrongSelection]] },
  moveTasks: { call: addon.moveTasks, arguments: [[request, wrongRequest]] },
  moveTasksSync: { call: addon.moveTasksSync, arguments: [[request, wrongRequest]] },
  endedApart: { call: addon.endedApart, arguments: [[tid, NO_TID]] },
  lock: { call: addon.lock, arguments: [[() => fd, NO_TID]] },
  mountsHaveChanged: { call: addon.mountsHaveChanged, arguments: [[() => fd, NO_TID]] },
  writeWithoutWaiting: {
    call: addon.writeWithoutWaiting,
    arguments: [
      [() => fd, NO_TID],
      [() => bytes(below(5000)), NO_BYTES],
    ],
  },
  append: {
    call: addon.append,
    arguments: [
      [() => fd, NO_TID],
      [() => below(5000), [...except(), '0', 2 ** 53]],
      [() => bytes(below(5000)), NO_BYTES],
    ],
  },
};

/** Some take nothing; sync(2) is for the whole host, and endProcess would be the end of this test. */
const LEFT_ALONE = ['memoryFile', 'syncApart', 'endProcess'];

test('no call is left out', () => {
  const named = Object.keys(calls).filter((name) => !name.includes('.'));
  expect([...named, ...LEFT_ALONE].sort()).toEqual(Object.keys(addon).sort());
  const methods = Object.getOwnPropertyNames(addon.Directory.prototype).filter(
    (name) => !/^(constructor|close|path)$/.test(name),
  );
  expect(Object.keys(calls).filter((name) => name.includes('.'))).toEqual(
    expect.arrayContaining(methods.map((name) => `Directory.${name}`)),
  );
});

test(`${TURNS} calls with random arguments`, async () => {
  const ends = { wrong: 0, answered: 0, failed: 0 };
  const names = Object.keys(calls);
  for (let turn = 0; turn < TURNS; turn++) {
    const name = one(names);
    const { call, arguments: positions } = calls[name] as Call;
    // setErrorFactory has no right argument that would leave the others their errors.
    const atFault = name === 'setErrorFactory' || one([true, false]);
    const wrong = new Set(atFault ? [below(positions.length), ...many(2, () => below(positions.length))] : []);
    const args = positions.map(([right, bad], position) => {
      if (!wrong.has(position)) return right();
      return typeof bad === 'function' ? bad() : one(bad);
    });
    if (!atFault) scatter();
    const told = `${name}, turn ${turn}, seed ${seed}`;
    try {
      const answer = Reflect.apply(call as (...all: unknown[]) => unknown, undefined, [
        ...args,
        ...many(2, () => one(ANY)),
      ]);
      expect(atFault, `${told}: a wrong argument was taken`).toBe(false);
      await answer;
      ends.answered++;
    } catch (error) {
      if (atFault) {
        expect(error instanceof TypeError || error instanceof RangeError, `${told}: ${error}`).toBe(true);
        ends.wrong++;
      } else {
        expect(error, told).toMatchObject({ errno: expect.any(Number), syscall: expect.any(String) });
        ends.failed++;
      }
    }
  }
  expect(Math.min(...Object.values(ends))).toBeGreaterThan(TURNS / 10);
});

/** What the calls read: lists of tasks and of mounts, in order and not. */
function scatter(): void {
  const task = () => one([String(child.pid), String(NO_TASK), '0', '-1', '9'.repeat(25), '', text()]);
  const mount = () =>
    one([
      () => '25 20 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
      () =>
        `25 20 0:22 / ${one(['/', '\\040', '\\0', '\\', folder])} rw ${many(3, text).join(' ')} - cgroup ${text()} rw,cpuset`,
      () => many(12, text).join(' '),
    ])();
  const lines = one([() => many(8, task), () => many(4, mount)])();
  const file = one(['root/tasks', 'root/group/tasks', 'root/group/cgroup.procs', 'record']);
  try {
    writeFileSync(join(folder, file), `${lines.join('\n')}${one(['', '\n'])}`);
  } catch {
    // A call has removed the folder, or made one of that name: so be it.
    mkdirSync(join(folder, 'root/group'), { recursive: true });
  }
}

/** Every argument of every call: a wrong type or range is a TypeError or RangeError, never anything else. */
import { describe, expect, test } from 'vitest';
import { type DirectoryAt, newControl } from '../../lib/native.js';
import { addon, inChild } from './addon.js';
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

type Call = (...args: never[]) => unknown;

const directory = new addon.Directory('/tmp');
const control = newControl();
const request = { hierarchy: directory, version: 1, proc: '/proc', to: 'nowhere', from: 'nowhere', control };
const tasks = { tid: Int32Array.of(1), start: Float64Array.of(Number.NaN) };

/** The arguments of a good call, and for each of them the bad ones. */
const cases: [name: string, call: Call, good: unknown[], bad: (readonly unknown[])[]][] = [
  ['setErrorFactory', addon.setErrorFactory, [() => new Error()], [except(ANY[7])]],
  ['getAffinity', addon.getAffinity, [0], [NO_TID]],
  [
    'setAffinity',
    addon.setAffinity,
    [0, Uint8Array.of(1)],
    [NO_TID, [...NO_BYTES, new Uint8Array(0), new Uint8Array(2 ** 20 + 1)]],
  ],
  ['getAffinities', addon.getAffinities, [Int32Array.of(0), control], [NO_TIDS, NO_CONTROL]],
  [
    'setAffinities',
    addon.setAffinities,
    [Int32Array.of(0, 0), Uint8Array.of(1), 1, '/proc', control],
    [NO_TIDS, [...NO_BYTES, new Uint8Array(0), new Uint8Array(3)], [...NO_TID, 0, 2], NO_PATH, NO_CONTROL],
  ],
  ['fileSystemType', addon.fileSystemType, ['/'], [NO_PATH]],
  ['cgroupMounts', addon.cgroupMounts, ['/dev/null'], [NO_PATH]],
  ['mountsHaveChanged', addon.mountsHaveChanged, [0], [NO_TID]],
  ['writeWithoutWaiting', addon.writeWithoutWaiting, [0, new Uint8Array(0)], [NO_TID, NO_BYTES]],
  [
    'Directory',
    (...args: unknown[]) => Reflect.construct(addon.Directory, args),
    ['/', undefined],
    [NO_PATH, [...except(undefined), 2 ** 32]],
  ],
  ['Directory.write', directory.write.bind(directory), ['a', 'b'], [NO_PATH, NO_TEXT]],
  ['Directory.read', directory.read.bind(directory), ['a'], [NO_PATH]],
  ['Directory.makeDirectory', directory.makeDirectory.bind(directory), ['a'], [NO_PATH]],
  ['Directory.removeDirectory', directory.removeDirectory.bind(directory), ['a'], [NO_PATH]],
  ['listTasks', addon.listTasks, [directory, 'tasks', '/proc', control], [NO_DIRECTORY, NO_PATH, NO_PATH, NO_CONTROL]],
  ['lock', addon.lock, [0], [NO_TID]],
  ['append', addon.append, [0, 0, Buffer.from('x')], [NO_TID, [...except(), '0', 2 ** 53], NO_BYTES]],
  ['moveTasks', addon.moveTasks, [request], [except(...ANY)]],
  ['selectTasks', addon.selectTasks, [{ proc: '/proc', control }], [except({})]],
];

const members: [name: string, bad: readonly unknown[]][] = [
  ['hierarchy', NO_PLACE],
  ['version', [...NO_TID, 0, 3]],
  ['proc', NO_PATH],
  ['to', NO_PATH],
  ['from', NO_PATH],
  ['tasks', [...except(undefined), tasks]],
  ['threads', except(undefined, true)],
  ['leave', [...except(undefined, ANY[5]), [1], ['x', undefined]]],
  ['record', except(undefined)],
  ['control', NO_CONTROL],
];

const isArgumentError = (call: () => unknown, bad?: unknown): void => {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  const named = `${Object.prototype.toString.call(bad)} ${typeof bad === 'object' ? '' : String(bad)}`;
  expect(thrown, named).toSatisfy((error) => error instanceof TypeError || error instanceof RangeError);
};

describe.each(cases)('%s', (_name, call, good, bad) => {
  const callWith = (args: readonly unknown[]) => () =>
    Reflect.apply(call as (...args: unknown[]) => unknown, undefined, args);

  test.each(bad.map((values, position) => [position, values] as const))('argument %i', (position, values) => {
    for (const value of values) isArgumentError(callWith(good.with(position, value)), value);
  });

  test('no arguments at all', () => isArgumentError(callWith([])));
});

describe('moveTasks, the members of its request', () => {
  const move = addon.moveTasks as (request: unknown) => unknown;

  test.each(members)('%s', (name, bad) => {
    for (const value of bad) isArgumentError(() => move({ ...request, [name]: value }));
  });

  test('tasks and record, member by member', () => {
    const { from: _, ...rows } = request;
    isArgumentError(() => move(rows));
    for (const tid of [...NO_TIDS, Int32Array.of(0)])
      isArgumentError(() => move({ ...rows, tasks: { ...tasks, tid } }));
    for (const start of [...except(), new Float64Array(2), new Float32Array(1)])
      isArgumentError(() => move({ ...rows, tasks: { ...tasks, start } }));
    const record = { fd: 0, offset: 0, limit: 0, members: '"a":1' };
    for (const fd of NO_TID) isArgumentError(() => move({ ...request, record: { ...record, fd } }));
    for (const offset of [...except(), 2 ** 53])
      isArgumentError(() => move({ ...request, record: { ...record, offset } }));
    for (const limit of [...except(), 2 ** 53])
      isArgumentError(() => move({ ...request, record: { ...record, limit } }));
    for (const text of [...except(), 'a\nb', 'a\0b'])
      isArgumentError(() => move({ ...request, record: { ...record, members: text } }));
  });

  test('what a getter throws comes out as it is', () => {
    const thrown = new Error('of the getter');
    const get = (): never => {
      throw thrown;
    };
    for (const [name] of members)
      expect(() => move(Object.defineProperty({ ...request }, name, { get }))).toThrow(thrown);
  });
});

describe('selectTasks, the members of its request', () => {
  const select = addon.selectTasksSync as (request: unknown) => unknown;
  const good = { proc: '/proc', tids: Int32Array.of(2 ** 22 + 1), threads: true, control };
  const given = (bad: readonly unknown[]) => bad.filter((value) => value !== undefined);
  const some: [name: string, bad: readonly unknown[]][] = [
    ['tids', [...given(NO_TIDS), Int32Array.of(0)]],
    ['hierarchy', [...given(NO_PLACE), directory]],
    ['proc', NO_PATH],
    ['threads', except(undefined, true)],
    ['names', [...except(undefined), [1]]],
    ['prefixes', [...except(undefined), ['x', 1]]],
    ['uid', [...except(undefined), 2 ** 32]],
    ['kernelThread', except(undefined, true)],
    ['affinity', [...given(NO_BYTES), new Uint8Array(0)]],
    ['mayRunOn', [...given(NO_BYTES), new Uint8Array(0)]],
    ['control', NO_CONTROL],
  ];

  test.each(some)('%s', (name, bad) => {
    expect(select(good)).toEqual({ tids: Int32Array.of(), cancelled: false });
    for (const value of bad) isArgumentError(() => select({ ...good, [name]: value }), value);
  });

  test('of a hierarchy, the list as well', () => {
    for (const list of NO_PATH) isArgumentError(() => select({ proc: '/proc', hierarchy: directory, list, control }));
  });
});

describe('a place in the stead of a Directory', () => {
  const there = { path: '/tmp' };
  const move = (hierarchy: unknown) =>
    addon.moveTasksSync({ ...request, version: 1, hierarchy: hierarchy as DirectoryAt });

  test('has a path, and a type where there is one to confirm', () => {
    for (const path of NO_PATH) isArgumentError(() => move({ ...there, path }), path);
    for (const type of [...except(undefined, 0, 1), -1, 2 ** 32]) isArgumentError(() => move({ ...there, type }), type);
  });

  test('is opened for the call, and refused where it is another file system', () => {
    expect(() => move({ path: '/nowhere' })).toThrow(expect.objectContaining({ code: 'ENOENT', path: '/nowhere' }));
    expect(() => move({ ...there, type: 0x27e0eb })).toThrow(
      expect.objectContaining({ code: 'EXDEV', syscall: 'statfs', path: '/tmp' }),
    );
    // So far it was: what fails is the cgroup that is not below it.
    expect(() => move(there)).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'open' }));
  });
});

describe('a Directory', () => {
  test('cannot be called as a function, nor its methods on something else', () => {
    isArgumentError(() => Reflect.apply(addon.Directory as unknown as () => void, undefined, ['/']));
    for (const other of [{}, undefined, Object.create(addon.Directory.prototype), addon]) {
      isArgumentError(() => Reflect.apply(directory.read, other, ['a']));
    }
  });

  test('that is closed says EBADF, and closes again', () => {
    const closed = new addon.Directory('/tmp');
    closed.close();
    closed.close();
    for (const call of [
      () => closed.read('a'),
      () => closed.write('a', ''),
      () => closed.makeDirectory('a'),
      () => closed.removeDirectory('a'),
      () => addon.listTasks(closed, 'a', '/proc', control),
      () => addon.moveTasks({ ...request, version: 1, hierarchy: closed }),
    ]) {
      expect(call).toThrow(expect.objectContaining({ errno: -9 }));
    }
  });
});

test('random arguments end in an answer, whatever they are', async () => {
  const pool = [
    ...ANY,
    '/',
    '..',
    'tasks',
    '/proc',
    Int32Array.of(1, 2),
    new Int32Array(2),
    new Uint8Array(8),
    directory,
    request,
    1,
    2,
  ];
  let seed = 1;
  const pick = (): unknown => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return pool[(seed >> 8) % pool.length];
  };
  // What works changes nothing: these neither name a writable file nor a CPU mask that differs.
  const harmless = cases.filter(([name]) => !/setErrorFactory|setAffinit|makeDirectory|write|lock|append/.test(name));
  for (let turn = 0; turn < 3000; turn++) {
    const [, call] = harmless[turn % harmless.length] ?? [];
    const args = Array.from({ length: turn % 6 }, pick);
    try {
      await Reflect.apply(call as (...args: unknown[]) => unknown, undefined, args);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
  }
});

test('an error factory that throws is heard', () => {
  const script = `
    const tell = async (call) => { try { await call(); } catch (error) { return String(error); } };
    addon.setErrorFactory(() => { throw new RangeError('of the factory'); });
    return [await tell(() => addon.fileSystemType('/nowhere')), await tell(() => addon.append(9999, 0, new Uint8Array(1)))];`;
  expect(inChild(script, [])).toEqual(['RangeError: of the factory', 'RangeError: of the factory']);
});

test('an error carries errno, syscall, path and value, and its message all of them', () => {
  expect(() => directory.write('nowhere/at all', '0-3')).toThrow(
    expect.objectContaining({
      code: 'ENOENT',
      errno: -2,
      syscall: 'open',
      path: '/tmp/nowhere/at all',
      value: '0-3',
      message: 'open "0-3" to /tmp/nowhere/at all: ENOENT: no such file or directory',
    }),
  );
});

/**
 * Kernel files with other content than is documented: every command, with every file that it reads emptied, garbled,
 * blown up, taken away or made a directory in turn. It ends with an error of ours or a plan that makes sense.
 */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Command, type Host, type RunReport, run } from '../../lib/index.js';
import { effectiveAffinity, type Interrupt, readInterrupts } from '../../lib/kernel/irq.js';
import { everyKindHost, type Line, linesFor, putRecord, recordOf, textOf } from './every-kind.js';
import { sample } from './extent.js';
import { count } from './figures.js';
import { filesBelow } from './files-below.js';

/** Found in no plan, whatever of it a kernel file had. */
const NONSENSE = 'n0nsense';

const CONTENTS: Record<string, string | Buffer | null> = {
  nothing: '',
  'a newline': '\n',
  text: NONSENSE,
  'text in lines': `${NONSENSE}\n${NONSENSE} 1 2 3\n`,
  NULs: '\0\0\0\0',
  'bytes of no text': Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
  'an open range': '0-',
  'a reversed range': '5-3',
  'a negative number': '-1',
  'a number of 30 digits': '9'.repeat(30),
  'more than any kernel has': '0-99999999',
  'numbers of no end': `${'0,'.repeat(500_000)}${NONSENSE}`,
  'a list as a user may write it': '0-N:1/2',
  'colons and parentheses': `:::)(${NONSENSE}`,
  'no file': null,
};

const MORE = {
  'proc/sys/vm/compact_memory': '0',
  'proc/self/cgroup': '0::/',
  'sys/devices/system/node/online': '0-1',
  'sys/devices/system/node/possible': '0-1',
  'sys/devices/system/node/has_memory': '0-1',
  'sys/devices/system/node/node0/cpulist': '0-3',
  'sys/devices/system/node/node1/cpulist': '4-7',
  'proc/irq/9/effective_affinity_list': '4',
  ...Object.fromEntries(
    [0, 1].flatMap((policy) => {
      const at = `sys/devices/system/cpu/cpufreq/policy${policy}`;
      return [
        [`${at}/affected_cpus`, `${policy}`],
        [`${at}/scaling_available_governors`, 'performance schedutil powersave'],
      ];
    }),
  ),
};

const V1 = {
  ...MORE,
  'proc/self/mountinfo': '25 20 0:22 / /sys/fs/cgroup rw - cgroup cgroup rw,cpuset',
  ...Object.fromEntries(
    ['', '/guest', '/home'].flatMap((group) =>
      [
        ['tasks', group === '/guest' ? '101\n102\n103\n104' : ''],
        ['cpuset.cpus', '0-7'],
        ['cpuset.mems', '0-1'],
        ['cpuset.effective_cpus', '0-7'],
        ['cpuset.memory_migrate', '0'],
        ['cpuset.sched_load_balance', '1'],
        ['notify_on_release', '0'],
      ].map(([name, text]) => [`sys/fs/cgroup${group}/${name}`, text ?? '']),
    ),
  ),
};

/** A record's lines without the steps that only a host of v2 has, the others numbered anew. */
function withoutV2(lines: readonly Line[]): Line[] {
  const isOfV2 = ({ change }: Line) => /^(controller|slice|property)$/.test((change as { kind?: string })?.kind ?? '');
  const left = new Set(lines.filter(isOfV2).map(({ step }) => step));
  const kept = lines.filter(({ type, step }) => type !== 'undone' && !(step !== undefined && left.has(step)));
  let number = 0;
  return kept.map((line) => {
    if (line.type === 'step') number++;
    return line['step'] === undefined ? line : { ...line, step: number };
  });
}

function machine(files: Readonly<Record<string, string>>): Host {
  const host = everyKindHost(files);
  putRecord(host, textOf(files === V1 ? withoutV2(linesFor(host)) : linesFor(host)));
  const driver = `${host.sys}/bus/platform/drivers/amd_x3d_vcache`;
  mkdirSync(driver, { recursive: true });
  symlinkSync(`${host.sys}/devices/platform/AMDI0101:00`, `${driver}/AMDI0101:00`);
  return host;
}

const commands = (host: Host): Command[] => [
  { name: 'cpuset-create', parameters: { cpusetName: '/new', cpus: 'C0-1', mems: 'N0' } },
  { name: 'cpuset-create', parameters: { cpusetName: '/home/new' } },
  { name: 'cpuset-modify', parameters: { cpusetName: '/guest', cpus: 'N1' } },
  { name: 'cpuset-delete', parameters: { cpusetName: '/guest' } },
  { name: 'move-tasks', parameters: { cpusetFrom: '/guest', cpusetTo: '/home' } },
  { name: 'irq-affinity', parameters: { mode: 'mask', cpuSet: 'C6-7' } },
  { name: 'cpu-governor', parameters: { governor: 'powersave', cpuSet: 'C0-1' } },
  { name: 'drop-caches', parameters: {} },
  { name: 'compact-memory', parameters: {} },
  { name: 'x3d-mode', parameters: { mode: 'cache' } },
  { name: 'task-affinity', parameters: { cpuSet: 'C0-1', pid: ['101'], kernelThreads: true } },
  { name: 'restore', parameters: { undoFile: recordOf(host) } },
];

/** By what a file is named: what is set by a drop-in is asked of systemd, but for a tree that stands in for a host. */
const sourceOf = (path: string): string =>
  path.endsWith('/system.slice.d/50-AllowedCPUs.conf') ? 'AllowedCPUs of system.slice' : path;

/** Which files a command reads. */
async function filesOf(host: Host, command: Command): Promise<string[]> {
  // Read by native code.
  const read = new Set([`${host.proc}/self/mountinfo`]);
  const watched: Host = {
    ...host,
    read(path) {
      read.add(path);
      return host.read(path);
    },
  };
  const { error } = await run([command], { host: watched, dryRun: true });
  expect([undefined, 'ERR_INCOMPLETE'], `${command.name} on a host in order: ${error}`).toContain(error?.code);
  return [...read].filter((path) => isThere(host, path)).sort();
}

function isThere(host: Host, path: string): boolean {
  try {
    host.read(path);
    return true;
  } catch {
    return false;
  }
}

const told = ({ error, commands }: RunReport) =>
  [error, ...commands.flatMap(({ failures }) => failures)].filter((one) => one !== undefined);

describe.each([
  ['v1', V1],
  ['v2', MORE],
])('on %s', (_version, files) => {
  const names = commands(machine(files)).map(({ name }, index) => [`${index}: ${name}`, index] as const);

  test.each(names)('%s', async (_name, index) => {
    const host = machine(files);
    const command = commands(host)[index] as Command;
    const cases = (await filesOf(host, command)).flatMap((path) =>
      Object.keys(CONTENTS).map((what) => [path, what] as const),
    );
    const chosen = sample(cases, 60);
    for (const [path, what] of chosen) {
      const before = readFileSync(path);
      const content = CONTENTS[what];
      rmSync(path);
      if (content !== null && content !== undefined) writeFileSync(path, content);
      const where = `${path.replace(dirname(host.sys), '')} with ${what}`;
      const report = await attempt(command, host);
      for (const { code, message } of told(report)) {
        expect(code, `${where}: ${message}`).not.toBe('ERR_INTERNAL');
        expect(message, where).toMatch(/^[^\n]{1,5000}$/);
        if (/ holds ".*", which is no /.test(message)) expect(message, where).toContain(sourceOf(path));
      }
      const plan = report.commands.flatMap(({ changes }) => changes);
      const to = JSON.stringify(
        plan.map(({ kind, target, to, text }) => [kind, target, to, text.split(' -> ').at(-1)]),
      );
      expect(to, where).not.toMatch(new RegExp(`${NONSENSE}|NaN|Infinity|undefined|\\[object|\\\\u0000`));
      writeFileSync(path, before);
    }
    count('kernel files with other content', chosen.length);
  });
});

/** A refusal before anything is planned is a report as well. */
async function attempt(command: Command, host: Host): Promise<RunReport> {
  try {
    return await run([command], { host, dryRun: true });
  } catch (error) {
    return {
      ok: false,
      dryRun: true,
      commands: [],
      rollbackErrors: [],
      error: error as NonNullable<RunReport['error']>,
    };
  }
}

test.each([
  ['cpuset-create', V1, 'sys/fs/cgroup/cpuset.cpus'],
  ['cpuset-modify', V1, 'sys/fs/cgroup/guest/cpuset.cpus'],
  ['cpuset-modify', MORE, 'sys/fs/cgroup/cpuset.cpus.effective'],
  ['cpuset-modify', MORE, 'sys/fs/cgroup/other/cpuset.cpus'],
  ['irq-affinity', MORE, 'proc/irq/9/smp_affinity_list'],
  ['irq-affinity', MORE, 'proc/irq/default_smp_affinity'],
  ['cpu-governor', MORE, 'sys/devices/system/cpu/cpufreq/policy0/affected_cpus'],
  ['task-affinity', MORE, 'proc/101/status'],
  ['task-affinity', MORE, 'sys/fs/cgroup/guest/cpuset.cpus.effective'],
  ['restore', MORE, 'sys/fs/cgroup/guest/cpuset.cpus'],
  ['restore', MORE, 'proc/irq/9/smp_affinity_list'],
  ['restore', MORE, 'run/systemd/system.control/system.slice.d/50-AllowedCPUs.conf'],
] as const)('%s: %#. what is no list is refused by the name of its file', async (name, files, file) => {
  const partition = {
    'sys/fs/cgroup/cpuset.cpus.effective': '0-7',
    'sys/fs/cgroup/other/cpuset.cpus.partition': 'root',
  };
  const host = machine({ ...files, ...(files === MORE && partition) });
  const path = `${dirname(host.sys)}/${file}`;
  const before = readFileSync(path, 'utf8');
  writeFileSync(path, before.replace(/(?<=^|Cpus_allowed_list:\s*|AllowedCPUs=)[0-9a-f,-]+$/m, NONSENSE));
  const command = commands(host).find((one) => one.name === name) as Command;
  const found = told(await attempt(command, host));
  expect(found.map(({ code }) => code)).toContain('ERR_UNSUPPORTED');
  expect(found.map(({ message }) => message).join('\n')).toContain(`${sourceOf(path)} holds "${NONSENSE}`);
});

test('so is an interrupt whose effective CPUs are no list', () => {
  const host = machine({ ...MORE, 'proc/irq/9/effective_affinity_list': NONSENSE });
  const interrupt = readInterrupts(host).find(({ number }) => number === 9) as Interrupt;
  expect(() => effectiveAffinity(host, interrupt)).toThrow(`${host.proc}/irq/9/effective_affinity_list holds`);
});

test('a value that could not be read back from the record is not acted upon', async () => {
  const host = machine(V1);
  const list = `${host.sys}/fs/cgroup/home/cpuset.cpus`;
  writeFileSync(list, NONSENSE);
  const before = filesBelow(host.sys);
  const { error } = await run([{ name: 'cpuset-delete', parameters: { cpusetName: '/home' } }], { host });
  expect(error?.message).toMatch(NONSENSE);
  expect(filesBelow(host.sys)).toEqual(before);
});

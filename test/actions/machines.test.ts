/** The commands planned on other machines: hybrid and sparse ones, CPUs offline, 64 nodes, more than 1,024 CPUs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openHost } from '../../lib/host.js';
import { type Command, type Host, run } from '../../lib/index.js';
import { commandLine } from '../support/injected.js';
import { archiveOf, contentsOf, unpack } from '../trees/captured.js';

interface Machine {
  /** CPUs that are given to a guest ... */
  readonly word: string;
  readonly cpus: string;
  /** ... and its memory nodes. */
  readonly mems: string;
  readonly online: string;
  /** Those that remain to the host. */
  readonly rest: string;
  /** The masks of interrupts requested later, before and after. */
  readonly later: string;
  /** How many policies cpu-governor sets, or its error. */
  readonly governor: number | string;
  /** Of CPUs that are named and offline; cpusets of v1 take none. */
  readonly offline?: { readonly word: string; readonly said: string };
}

const NO_DRIVER = (cpus: string) => `no cpufreq driver governs CPUs ${cpus}`;
const ones = (count: number) => 'f'.repeat(count);

const captured: Record<string, Machine> = {
  // Six P cores of two threads each, and eight E cores: these for the guest.
  '20em64t-hybrid-1p6c2t+2ca4co1t': {
    word: 'C12-19',
    cpus: '12-19',
    mems: 'N0',
    online: '0-19',
    rest: '0-11',
    later: 'fffff -> 00fff',
    governor: 8,
  },
  '16amd64-8n2c-cpusets': {
    word: 'N3',
    cpus: '6-7',
    mems: 'N3',
    online: '0-3,5-15',
    rest: '0-3,5,8-15',
    later: 'ffff -> ff3f',
    governor: NO_DRIVER('6-7'),
    offline: { word: 'C4-5', said: '4' },
  },
  '16em64t-4s2c2t-offlines': {
    word: 'C8-15',
    cpus: '8-15',
    mems: 'N0',
    online: '0-1,3-4,6-12,15',
    rest: '0-1,3-4,6-7',
    later: 'ffff -> 00ff',
    governor: NO_DRIVER('8-12,15'),
    offline: { word: 'C8-15', said: '13-14' },
  },
  '48amd64-4pa2n6c-sparse': {
    word: 'N33,72-73',
    cpus: '18-23,36-47',
    mems: 'N33,72-73',
    online: '0-47',
    rest: '0-17,24-35',
    later: 'ffff,ffffffff -> 000f,ff03ffff',
    // It is of a kernel that had no policies yet, but a folder a CPU.
    governor: NO_DRIVER('18-23,36-47'),
  },
  '256ia64-64n2s2c': {
    word: 'N1-63',
    cpus: '4-255',
    mems: 'N1-63',
    online: '0-255',
    rest: '0-3',
    later: `${Array(8).fill(ones(8)).join()} -> ${[...Array(7).fill('00000000'), '0000000f'].join()}`,
    governor: NO_DRIVER('4-255'),
  },
  'x86_64-epyc_7451': {
    word: 'N1-7',
    cpus: '6-47,54-95',
    mems: 'N1-7',
    online: '0-95',
    rest: '0-5,48-53',
    later: 'ffffffff,ffffffff,ffffffff -> 00000000,003f0000,0000003f',
    // They have the governor already.
    governor: 0,
  },
};

/** What no tree holds: one interrupt on all CPUs, a v1 cpuset hierarchy, and a task. */
function laidOver({ online }: Machine, possible: string): Record<string, string> {
  const cpuset = 'sys/fs/cgroup/cpuset';
  return {
    'proc/irq/24/smp_affinity_list': online,
    'proc/irq/default_smp_affinity': possible,
    'proc/self/mountinfo': '30 25 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset',
    [`${cpuset}/cpuset.cpus`]: online,
    [`${cpuset}/cpuset.effective_cpus`]: online,
    [`${cpuset}/cpuset.mems`]: '0-127',
    [`${cpuset}/cgroup.procs`]: '',
    [`${cpuset}/tasks`]: '',
    'proc/uptime': '10.00 5.00',
    'proc/100/task/100/stat': `100 (guest) S 1 0 0 0 -1 0 ${'0 '.repeat(12)}500 0`,
    'proc/100/status': `Name:\ttask\nTgid:\t100\nCpus_allowed_list:\t${online}`,
    'proc/100/cgroup': '4:cpuset:/',
  };
}

function lay(root: string, files: Record<string, string>): Host {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return openHost({ sys: join(root, 'sys'), proc: join(root, 'proc'), run: join(root, 'run') });
}

/** Each command, planned through the public face and by the command line. */
function commandsOn(machine: Machine, hostOf: () => Host): void {
  const { word, cpus, mems, online, rest, later, governor, offline } = machine;

  const plan = async (command: Command) => {
    const report = await run([command], { host: hostOf(), dryRun: true });
    return { error: report.error, changes: report.commands[0]?.changes ?? [] };
  };
  const said = async (...words: string[]) => (await commandLine(hostOf(), '-n', ...words)).stdout;

  test('irq-affinity', async () => {
    expect(await said('irq-affinity', 'mask', word)).toBe(
      `/proc/irq/24/smp_affinity_list: ${online} -> ${rest}\n/proc/irq/default_smp_affinity: ${later}\n`,
    );
  });

  test('cpu-governor', async () => {
    const { error, changes } = await plan({
      name: 'cpu-governor',
      parameters: { governor: 'performance', cpuSet: word },
    });
    const governors = changes.filter(({ target }) => target.endsWith('/scaling_governor'));
    expect(error?.message ?? governors.length).toBe(governor);
  });

  test('task-affinity', async () => {
    expect(await said('task-affinity', word, '100')).toBe(`CPUs of task 100: all -> ${cpus}\n`);
  });

  test('cpuset-create', async () => {
    const parameters = { cpusetName: '/guest', cpus: word, mems };
    const { error, changes } = await plan({ name: 'cpuset-create', parameters });
    if (offline?.word === word) {
      expect(error?.message).toContain(`CPU ${offline.said} is offline`);
      return;
    }
    expect(error).toBeUndefined();
    expect(changes[0]?.to).toEqual({ 'cpuset.mems': mems.slice(1), 'cpuset.cpus': cpus });
  });

  if (offline !== undefined) {
    test('offline CPUs', async () => {
      const { error } = await plan({ name: 'cpuset-create', parameters: { cpusetName: '/guest', cpus: offline.word } });
      expect(error?.message).toContain(
        `CPU ${offline.said} is offline, and a cpuset of cgroup v1 takes only online ones`,
      );
    });
  }

  test('x3d-mode', async () => {
    const ended = await commandLine(hostOf(), '-n', 'x3d-mode', 'cache');
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^vfio-isolate: x3d-mode: this host has no amd_x3d_mode; /);
  });
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-machines-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

for (const [name, machine] of Object.entries(captured)) {
  const archive = archiveOf(name);
  describe.skipIf(archive === undefined)(`${name} (${archive === undefined ? 'not at hand' : 'captured'})`, () => {
    let host: Host;
    beforeAll(() => {
      const into = join(folder, name);
      mkdirSync(into);
      host = lay(unpack(archive ?? '', into), laidOver(machine, machine.later.split(' ')[0] ?? ''));
    });

    commandsOn(machine, () => host);

    test('holds no interrupts, no cpuset mount, no task and no amd_x3d_mode, which are laid over it', () => {
      const lacking = /\/proc\/irq\/|\/proc\/self\/mountinfo|\/proc\/\d+\/|amd_x3d/;
      expect(contentsOf(archive ?? '').filter((path) => lacking.test(path))).toEqual([]);
    });
  });
}

describe('1,152 CPUs in 18 nodes (made by hand)', () => {
  const machine: Machine = {
    word: 'N16-17',
    cpus: '1024-1151',
    mems: 'N16-17',
    online: '0-1151',
    rest: '0-1023',
    later: `${Array(36).fill(ones(8)).join()} -> ${[...Array(4).fill('00000000'), ...Array(32).fill(ones(8))].join()}`,
    governor: 128,
  };
  let host: Host;
  beforeAll(() => {
    const cpu = 'sys/devices/system/cpu';
    const node = 'sys/devices/system/node';
    const files: Record<string, string> = { ...laidOver(machine, machine.later.split(' ')[0] ?? '') };
    for (const name of ['online', 'present', 'possible']) files[`${cpu}/${name}`] = '0-1151';
    for (const name of ['online', 'possible', 'has_memory']) files[`${node}/${name}`] = '0-17';
    for (let n = 0; n < 18; n++) files[`${node}/node${n}/cpulist`] = `${n * 64}-${n * 64 + 63}`;
    for (let n = 0; n < 1152; n++) {
      files[`${cpu}/cpufreq/policy${n}/affected_cpus`] = `${n}`;
      files[`${cpu}/cpufreq/policy${n}/scaling_governor`] = 'schedutil';
      files[`${cpu}/cpufreq/policy${n}/scaling_available_governors`] = 'performance schedutil';
    }
    host = lay(join(folder, 'large'), files);
  });

  commandsOn(machine, () => host);
});

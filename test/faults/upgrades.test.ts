/** Records of other versions: an earlier one is read as it was meant, a newer one is refused with the remedy. */
import { writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { UndoRecord } from '../../lib/engine/record/record.js';
import { commandLine } from '../support/injected.js';
import { encode } from '../support/record.js';
import { everyKindHost, FORMAT_1, linesFor, recordOf, restoring, shown, textOf } from './every-kind.js';
import { count } from './figures.js';

describe('a record of format 1, as version 0.1.0 wrote it', () => {
  test('has checksums that fit', () => {
    const lines = FORMAT_1.trimEnd().split('\n');
    for (const line of lines) {
      const [, crc, rest = ''] = /^\{"crc":"([0-9a-f]{8})",(.*)$/.exec(line) ?? [];
      expect(crc32(rest).toString(16).padStart(8, '0')).toBe(crc);
    }
    expect(FORMAT_1).toBe(lines.map((line) => encode(withoutCrc(line))).join(''));
  });

  test('amounts to what it did', () => {
    const host = everyKindHost();
    writeFileSync(recordOf(host), textOf(linesFor(host)), { mode: 0o600 });
    const record = UndoRecord.toRestore(host, recordOf(host));
    try {
      expect(record.condition).toBe('live');
      expect(record.nextStep).toBe(18);
      const entries = JSON.parse(shown(host, JSON.stringify(record.entries())));
      expect(entries.map(({ step, steps }: Entry) => [step.kind, step.target, step.from, step.to, steps])).toEqual([
        ['controller', '/sys/fs/cgroup', 'off', 'on', [1]],
        ['cgroup', '/sys/fs/cgroup/guest', null, { 'cpuset.cpus': '0-3' }, [2]],
        ['slice', 'host.slice', null, { cpus: '4-7', mems: '' }, [3]],
        ['property', '/sys/fs/cgroup/system.slice AllowedCPUs', UNSET, { list: '4-7', dropIn: true }, [4]],
        ['file', '/sys/fs/cgroup/other/cpuset.cpus', '0-7', '4-7', [5]],
        ['file', '/proc/irq/9/smp_affinity_list', '0-7', '4-7', [6]],
        ['file', '/proc/irq/default_smp_affinity', 'ff', 'f0', [7]],
        ['file', '/sys/devices/system/cpu/cpufreq/policy0/scaling_governor', 'schedutil', 'performance', [8]],
        ['file', '/sys/devices/platform/AMDI0101:00/amd_x3d_mode', 'cache', 'frequency', [9]],
        ['sync', '/', null, null, [10]],
        ['file', '/proc/sys/vm/drop_caches', null, '3', [11]],
        ['tasks', '/sys/fs/cgroup/guest', '/sys/fs/cgroup/home', '/sys/fs/cgroup/home', [12, 13]],
        [
          'cgroup',
          '/sys/fs/cgroup/old',
          { 'cpuset.mems': '0', 'cpuset.cpus': '0-7', notify_on_release: '0' },
          null,
          [14],
        ],
        ['affinity', 'tasks', null, '4-7', [15]],
        ['cgroup', '/sys/fs/cgroup/taken', null, { 'cpuset.cpus': '0' }, [16]],
      ]);
      const details = entries.flatMap(({ parts }: Entry) => parts.flatMap(({ details }) => details));
      expect(details).toEqual(detailLines());
    } finally {
      record.close();
    }
  });

  test('is restored as it was meant', async () => {
    const host = everyKindHost();
    writeFileSync(recordOf(host), textOf(linesFor(host)), { mode: 0o600 });
    const { status, stdout, stderr } = await commandLine(host, '-n', 'restore', recordOf(host));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n')).toEqual([
      'CPUs of 3 tasks: 4-7 -> all (1), 4-7 -> 0-3 (1), all -> 0-7 (1)',
      '/sys/fs/cgroup/old: none -> cpuset with cpuset.mems 0, cpuset.cpus 0-7, notify_on_release 0',
      'tasks: /sys/fs/cgroup/guest -> /sys/fs/cgroup/home',
      'tasks: /sys/fs/cgroup/guest -> /sys/fs/cgroup',
      '/sys/devices/platform/AMDI0101:00/amd_x3d_mode: frequency -> cache',
      '/sys/devices/system/cpu/cpufreq/policy0/scaling_governor: performance -> schedutil',
      '/proc/irq/default_smp_affinity: f0 -> ff',
      '/proc/irq/9/smp_affinity_list: 4-7 -> 0-7',
      'system.slice AllowedCPUs: 4-7 -> (unset)',
      '/sys/fs/cgroup/other/cpuset.cpus: 4-7 -> 0-7',
      'host.slice: stopped',
      '/sys/fs/cgroup/guest: cpuset with cpuset.cpus 0-3 -> none',
      'cpuset controller below /sys/fs/cgroup: on -> off',
      'CPUs of task 102: 2 again',
    ]);
    count('lines of a record of format 1, read', FORMAT_1.split('\n').length - 1);
  });

  test('is read with members that this version does not know, which it leaves alone', async () => {
    const host = everyKindHost();
    const lines = linesFor(host);
    const plan = async (text: string) => (await restoring(host, text, { dryRun: true })).commands[0]?.changes;
    const more = lines.map((line) => ({
      ...line,
      later: { masks: 'x' },
      ...(typeof line['change'] === 'object' && { change: { ...line['change'], later: [1] } }),
    }));
    expect(await plan(textOf(more))).toEqual(await plan(textOf(lines)));
  });
});

describe('a record is refused', () => {
  const versioned = (version: unknown) => {
    const host = everyKindHost();
    const [header, ...rest] = linesFor(host);
    return restoring(host, textOf([{ ...header, version }, ...rest]));
  };

  test('of a newer format, with the remedy', async () => {
    expect((await versioned(2)).error).toMatchObject({
      code: 'ERR_RECORD',
      message: expect.stringMatching(/line 1: it was written by the newer version 0\.1\.0$/),
      remedy: 'restore it with that version',
    });
  });

  test.each([0, -1, 1.5, '1', null])('of a format that never was: %j', async (version) => {
    expect((await versioned(version)).error).toMatchObject({
      code: 'ERR_RECORD',
      message: expect.stringMatching(/, line 1: /),
    });
  });
});

interface Entry {
  readonly step: { kind: string; target: string; from: unknown; to: unknown };
  readonly steps: number[];
  readonly parts: { details: object[] }[];
}

const UNSET = { list: '', dropIn: false };

const withoutCrc = (line: string): object => {
  const { crc: _, ...entry } = JSON.parse(line);
  return entry;
};

/** Entries keep the order of their steps. */
const detailLines = (): object[] =>
  FORMAT_1.trimEnd()
    .split('\n')
    .map(withoutCrc)
    .filter((line) => 'type' in line && line.type === 'detail');

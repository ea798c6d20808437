/**
 * A record with every kind of line, step and detail, and a host that stands in for the one that it was written on: whatever
 * a hostile version of it asks for can only befall that tree.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Host, type RunOptions, type RunReport, run } from '../../lib/index.js';
import { encode, recordFile } from '../support/record.js';
import { CGROUP2_MOUNT, cpus, hostTree } from '../support/tree.js';

/** A record with every kind of line. */
export const FORMAT_1 = readFileSync(join(import.meta.dirname, 'format-1.undo'), 'utf8');

export type Line = { readonly type: string } & Record<string, unknown>;

const BOOT = '2a79a9f0-c991-4221-94c3-af2b611c1511';

const cgroups = {
  '': { 'cgroup.controllers': 'cpuset cpu memory pids', 'cgroup.subtree_control': 'cpuset' },
  '/guest': { 'cpuset.cpus': '0-3', 'cpuset.cpus.effective': '0-3', 'cgroup.procs': '101\n102\n103\n104' },
  '/home': { 'cpuset.cpus': '', 'cpuset.cpus.effective': '0-7', 'cgroup.procs': '105' },
  '/host.slice': { 'cpuset.cpus': '4-7', 'cpuset.cpus.effective': '4-7' },
  '/system.slice': { 'cpuset.cpus': '4-7', 'cpuset.cpus.effective': '4-7' },
  '/other': { 'cpuset.cpus': '4-7', 'cpuset.cpus.effective': '4-7' },
  '/taken': { 'cpuset.cpus': '', 'cpuset.cpus.effective': '0-7' },
};

/** What each task is, as its record knows it: start time, cgroup and CPUs. */
const tasks: [tid: number, start: number, cgroup: string, list: string][] = [
  [101, 5000, '/guest', '0-1'],
  [102, 6000, '/guest', '4-7'],
  [103, 6500, '/guest', '4-7'],
  [104, 5500, '/guest', '0-7'],
  [105, 5600, '/home', '0-7'],
  [106, 7200, '/other', '4-7'],
];

/**
 * That host, with all that is recorded done to it.
 * @param more files that it has beside, or otherwise
 */
export function everyKindHost(more: Readonly<Record<string, string>> = {}): Host {
  const mode = 'sys/devices/platform/AMDI0101:00/amd_x3d_mode';
  const policies = 'sys/devices/system/cpu/cpufreq';
  return hostTree({
    'proc/self/mountinfo': CGROUP2_MOUNT,
    'proc/sys/kernel/random/boot_id': BOOT,
    'proc/sys/kernel/osrelease': '6.12.0',
    'proc/sys/vm/drop_caches': '0',
    'proc/uptime': '80.00 600.00',
    'proc/irq/9/smp_affinity_list': '4-7',
    'proc/irq/default_smp_affinity': 'f0',
    'run/systemd/system.control/system.slice.d/50-AllowedCPUs.conf': '[Slice]\nAllowedCPUs=4-7',
    ...cpus('0-7'),
    [mode]: 'frequency',
    [`${policies}/policy0/scaling_governor`]: 'performance',
    [`${policies}/policy1/scaling_governor`]: 'powersave',
    ...Object.fromEntries(
      Object.entries(cgroups).flatMap(([path, files]) =>
        Object.entries({ 'cgroup.procs': '', 'cgroup.subtree_control': '', ...files }).map(
          ([name, text]) => [`sys/fs/cgroup${path}/${name}`, text] as const,
        ),
      ),
    ),
    ...Object.fromEntries(tasks.flatMap(filesOf)),
    ...more,
  });
}

function filesOf([tid, start, cgroup, list]: (typeof tasks)[number]): [path: string, text: string][] {
  const stat = `${tid} (task) S 1 ${tid} ${tid} 0 -1 0 ${'0 '.repeat(12)}${start} 0 0`;
  return [
    [`proc/${tid}/stat`, stat],
    [`proc/${tid}/task/${tid}/stat`, stat],
    [`proc/${tid}/status`, `Name:\ttask\nTgid:\t${tid}\nCpus_allowed_list:\t${list}`],
    [`proc/${tid}/cgroup`, `0::${cgroup}`],
  ];
}

/** The record's lines, for a host of that kind: its paths are the stand-in's. */
export function linesFor({ sys, proc }: Host): Line[] {
  return FORMAT_1.replaceAll('"/sys/', `"${sys}/`)
    .replaceAll('"/proc/', `"${proc}/`)
    .trim()
    .split('\n')
    .map((text) => {
      const { crc: _, ...line } = JSON.parse(text);
      return line;
    });
}

/** Lines that mark what holds no longer in part, to follow all others. */
export const MARKS: readonly Line[] = [
  { type: 'undone-tasks', of: 'tasks', first: 12, last: 13, at: 7000, tasks: [[101, 5000]] },
  { type: 'undone-tasks', of: 'affinity', first: 15, last: 15, at: 7000, tasks: [[106, 7200]] },
  { type: 'undone-but-masks', steps: [5], time: '2026-11-23T10:38:00.000Z' },
  { type: 'undone-tasks', of: 'masks', first: 5, last: 13, at: 7000, tasks: [[102, 6000]] },
];

/** As a user would see it: the stand-in's paths as on a real host. */
export function shown({ sys, proc }: Host, text: string): string {
  return text.replaceAll(sys, '/sys').replaceAll(proc, '/proc');
}

/** Restores, on a stand-in, a record of that text. */
export async function restoring(host: Host, text: string | Buffer, options: RunOptions = {}): Promise<RunReport> {
  putRecord(host, text);
  return run([{ name: 'restore', parameters: { undoFile: recordOf(host) } }], { ...options, host });
}

export function putRecord(host: Host, text: string | Buffer): void {
  const path = recordFile(recordOf(host), host);
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o600 });
}

/** What the record of a stand-in is called. */
export const recordOf = ({ sys }: Host): string => `${dirname(sys)}/undo`;

/** As text with right checksums. */
export const textOf = (lines: readonly object[]): string => lines.map(encode).join('');

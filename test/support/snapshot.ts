/** What a scratch cpuset looks like: every directory, every setting, every task with its affinity. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';

export type Snapshot = Record<string, string>;

/** Settings by file, and each task's cgroup and mask by TID and start time, so that a reused TID is another task. */
export function snapshot(directory: string): Snapshot {
  const lines: Snapshot = {};
  for (const group of groupsOf(directory)) {
    const name = group.slice(directory.length) || '/';
    lines[name] = `mode ${statSync(group).mode.toString(8)}`;
    for (const file of readdirSync(group)) {
      if (!/^cpuset\.|^notify_on_release$|^cgroup\.clone_children$/.test(file)) continue;
      if (/memory_pressure/.test(file)) continue; // a meter, not a setting
      lines[`${name} ${file}`] = readFileSync(`${group}/${file}`, 'utf8').trim();
    }
    for (const tid of readFileSync(`${group}/tasks`, 'utf8').split('\n').filter(Boolean)) {
      const task = describe(tid);
      if (task !== undefined) lines[`task ${tid} ${task.start}`] = `${name} ${task.mask}`;
    }
  }
  return lines;
}

function groupsOf(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const children = readdirSync(directory).map((name) => `${directory}/${name}`);
  return [directory, ...children.filter((path) => statSync(path).isDirectory()).flatMap(groupsOf)];
}

function describe(tid: string): { start: string; mask: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${tid}/stat`, 'utf8');
    const status = readFileSync(`/proc/${tid}/status`, 'utf8');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    return { start, mask: /Cpus_allowed_list:\s*(\S*)/.exec(status)?.[1] ?? '' };
  } catch {
    return undefined;
  }
}

export const taskset = (list: string, pid: number): void =>
  void execFileSync('taskset', ['-pc', list, String(pid)], { stdio: 'ignore' });

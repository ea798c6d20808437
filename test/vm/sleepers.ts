import type { Guest } from './guest.js';

/**
 * Starts sleeping processes that are known by these names and have these masks; in a cgroup, if its cgroup.procs is named.
 * The result ends them, and waits until they are gone.
 */
export async function sleepers(
  guest: Guest,
  masks: Readonly<Record<string, string>>,
  procs?: string,
): Promise<() => Promise<void>> {
  const pids: string[] = [];
  for (const [name, cpus] of Object.entries(masks)) {
    // before 6.2 a move overwrites masks, so the mask comes last
    const pid = await guest.must(`
      ln -sf /bin/sleep '/tmp/${name}'
      '/tmp/${name}' 100000 >/dev/null 2>&1 &
      ${procs ? `echo $! >${procs} &&` : ''} taskset -pc ${cpus} $! >/dev/null && echo $!`);
    pids.push(pid.trim());
  }
  const all = pids.join(' ');
  return async () => {
    await guest.must(`kill ${all}; for pid in ${all}; do while [ -d /proc/$pid ]; do sleep 0.1; done; done`);
  };
}

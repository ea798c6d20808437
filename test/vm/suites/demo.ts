import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { diff } from '../snapshot.js';

/** What the README's first line shows a new user, on this kind of host, and that nothing of it remains. */
export function demo(guest: Guest, host: Host): void {
  const means = host.systemd || host.hierarchy === 'v1' ? 'cpusets' : 'affinity alone';

  test(`the demo isolates with ${means}, and every task that was pinned before is so after`, async () => {
    // Enables the controllers that a transient unit enables for good, as any later one would.
    if (host.systemd) await guest.must('systemd-run --wait true', { limit: 120 });
    await guest.must('sleep 1000 >/dev/null 2>&1 & echo $! >/tmp/pinned; taskset -pc 1 $(cat /tmp/pinned)');
    const before = await guest.snapshot();
    const last = host.cpus - 1;
    const { status, stdout, stderr } = await guest.run('vfio-isolate', ['demo'], { limit: 240 });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`Isolating with ${means}`);
    expect(stdout).toMatch(new RegExp(`^before: may run on 0-${last};`, 'm'));
    expect(stdout).toMatch(new RegExp(`^during: may run on ${last}; was seen on\\n +CPU ${last} +#+ +100 %$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^after: may run on 0-${last};`, 'm'));
    expect(diff(before, await guest.snapshot())).toEqual([]);
    await guest.must('kill $(cat /tmp/pinned)');
  });
}

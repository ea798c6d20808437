import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { sleepers } from '../sleepers.js';
import { diff } from '../snapshot.js';

/** What the README's first line shows a new user, on this kind of host, and that nothing of it remains. */
export function demo(guest: Guest, host: Host): void {
  test('the demo isolates with cpusets, and every task that was pinned before is so after', async () => {
    const { stdout, differences } = await played(guest, host, 'vfio-isolate');
    expectShown(stdout, host);
    expect(differences).toEqual([]);
  });

  test('a tool that does nothing in its place is exact, and shows nothing', async () => {
    const { stdout, differences } = await played(guest, host, 'vfio-isolate-no-op');
    expect(differences).toEqual([]);
    expect(() => expectShown(stdout, host)).toThrow(/^what it isolates with/);
  });
}

async function played(guest: Guest, host: Host, tool: string): Promise<{ stdout: string; differences: string[] }> {
  // Enables the controllers that a transient unit enables for good, as any later one would.
  if (host.systemd) await guest.must('systemd-run --wait true', { limit: 120 });
  const end = await sleepers(guest, { 'on-1': '1' });
  const before = await guest.snapshot();
  const { status, stdout, stderr } = await guest.run(tool, ['demo'], { limit: 240 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const differences = diff(before, await guest.snapshot());
  await end();
  return { stdout, differences };
}

function expectShown(stdout: string, { cpus }: Host): void {
  const last = cpus - 1;
  expect(stdout, 'what it isolates with').toContain('Isolating with cpusets');
  expect(stdout).toMatch(new RegExp(`^before: may run on 0-${last};`, 'm'));
  expect(stdout).toMatch(new RegExp(`^during: may run on ${last}; was seen on\\n +CPU ${last} +#+ +100 %$`, 'm'));
  expect(stdout).toMatch(new RegExp(`^after: may run on 0-${last};`, 'm'));
}

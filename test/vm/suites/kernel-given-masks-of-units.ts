import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import { diff } from '../snapshot.js';

const undo = '/tmp/given-units.undo';
/** What isolcpus=2-3 leaves of 8 CPUs to all that nobody has set. */
const given = '0-1,4-7';

/** With systemd a unit's tasks are moved into it as it starts, by PID 1, which may be in a unit that is not narrowed. */
export function kernelGivenMasksOfUnits(guest: Guest): void {
  const cpusOf = async (unit: string) =>
    (
      await guest.must(`sed -n 's/^Cpus_allowed_list:\\s*//p' /proc/$(systemctl show -P MainPID ${unit})/status`)
    ).trim();
  const cpusChanged = (lines: string[]) => lines.filter((line) => / CPUs: /.test(line));

  test.each([
    ['one slice', ['/system.slice']],
    ['all units', ['/system.slice', '/user.slice', '/init.scope']],
  ])('all tasks have theirs again, and so has a service that was started meanwhile: %s', async (_, units) => {
    const before = await guest.snapshot();
    expect(Object.entries(before.tasks).find(([id]) => id.startsWith('1:'))?.[1]).toMatchObject({ cpus: given });
    const chain = units.flatMap((unit) => ['cpuset-modify', '--cpus', 'C0-1', unit]);
    const limit = { limit: 300 };
    expect(await guest.run('vfio-isolate', ['-u', undo, ...chain], limit)).toMatchObject({ status: 0 });
    await guest.must('systemd-run --unit=late sleep 10000');
    expect(await cpusOf('late')).toBe('0-1');
    const { status, stderr } = await guest.run('vfio-isolate', ['restore', undo], limit);
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringMatching(/CPUs set for good/) });
    expect(await cpusOf('late')).toBe(given);
    await guest.must('systemctl stop late');
    expect(cpusChanged(diff(before, await guest.snapshot()))).toEqual([]);
  });
}

import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { refusingInterrupts } from '../interrupts.js';
import { diff, type Snapshot } from '../snapshot.js';
import { type Seen, type Use, usesOn } from '../uses.js';

const done = { status: 0, stdout: '', stderr: expect.any(String) };

/** What a user gets from `npm install` does its work on this kind of host, and leaves nothing behind. */
export function installedCommand(guest: Guest, host: Host): void {
  test('the installed command tells its version', async () => {
    const { status, stdout } = await guest.run('vfio-isolate', ['--version']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  for (const use of usesOn(host)) {
    test(`${use.what} takes effect, and restore leaves no difference`, async () => {
      const { after, ...seen } = await thereAndBack(guest, 'vfio-isolate', use);
      use.expectEffect(seen);
      expect(diff(seen.before, after)).toEqual([]);
    });

    test(`a tool that does nothing in place of ${use.what} is exact, and is seen to have no effect`, async () => {
      const { after, ...seen } = await thereAndBack(guest, 'vfio-isolate-no-op', use);
      expect(diff(seen.before, after)).toEqual([]);
      expect(() => use.expectEffect(seen)).toThrow(use.without);
    });
  }
}

async function thereAndBack(guest: Guest, tool: string, { chain, setUp }: Use): Promise<Seen & { after: Snapshot }> {
  const takeAway = await setUp?.(guest);
  try {
    const refusing = await refusingInterrupts(guest);
    const before = await guest.snapshot();
    expect(await guest.run(tool, ['-u', '/tmp/undo', ...chain], { limit: 240 })).toEqual(done);
    const during = await guest.snapshot();
    expect(await guest.run(tool, ['restore', '/tmp/undo'], { limit: 240 })).toEqual(done);
    return { refusing, before, during, after: await guest.snapshot() };
  } finally {
    await takeAway?.();
  }
}

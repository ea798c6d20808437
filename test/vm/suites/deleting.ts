import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { diff } from '../snapshot.js';
import { moveOn } from '../uses.js';

/** The way back by hand: whoever made the cpuset, its tasks go home with the masks that they had. */
export function deleting(guest: Guest, host: Host): void {
  test('cpuset-delete of what a run has made leaves no difference, and nothing to restore', async () => {
    const { chain, setUp } = moveOn(host);
    const takeAway = await setUp?.(guest);
    try {
      const before = await guest.snapshot();
      await guest.must(`vfio-isolate -u /run/made.undo ${chain.join(' ')}`, { limit: 120 });
      expect((await guest.sh('[ -L /run/made.undo ]')).status).toBe(0);
      expect(await guest.run('vfio-isolate', ['cpuset-delete', '/host.slice'], { limit: 120 })).toMatchObject({
        status: 0,
      });
      expect(diff(before, await guest.snapshot())).toEqual([]);
      expect(await guest.must('vfio-isolate records')).toMatch(/^\/run\/made\.undo: holds nothing any more\n/);
      expect((await guest.sh('[ -e /run/made.undo ]')).status).toBe(1);
    } finally {
      await takeAway?.();
    }
  });
}

import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { diff } from '../snapshot.js';
import { moveOn } from '../uses.js';

/** Before 6.2 the kernel forgets a task's own mask with every move; the tool gives it back, where it is still to be given. */
export function masksSetMeanwhile(guest: Guest, host: Host): void {
  test('restore leaves a mask that somebody has set since, says so, and gives back the others', async () => {
    const { chain, setUp } = moveOn(host);
    const takeAway = await setUp?.(guest);
    try {
      const before = await guest.snapshot();
      await guest.must(`vfio-isolate -u /tmp/undo ${chain.join(' ')}`, { limit: 120 });
      await guest.must('taskset -pc 0 $(pidof on-1,3)');
      const { status, stderr } = await guest.run('vfio-isolate', ['restore', '/tmp/undo'], { limit: 120 });
      const told = expect.stringMatching(/CPUs of task \d+ are 0, set by somebody else; were 1,3/);
      expect({ status, stderr }).toEqual({ status: 0, stderr: told });
      const left = expect.stringMatching(/^task \d+ \(on-1,3\) CPUs: 1,3 -> 0$/);
      expect(diff(before, await guest.snapshot())).toEqual([left]);
    } finally {
      await takeAway?.();
    }
  });
}

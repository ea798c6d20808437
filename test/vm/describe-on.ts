import { afterAll, afterEach, beforeEach, describe, inject } from 'vitest';
import { Guest } from './guest.js';
import type { Host } from './host.js';
import { type Lease, lease } from './lease.js';

export type Tests = (guest: Guest, host: Host) => void;

export interface Lending {
  /** Whether the tests need the package; so by default. */
  readonly install?: boolean;
  /** The tests leave the host changed, so nobody else may have it after them. */
  readonly spoils?: boolean;
}

/**
 * Tests on that host. The guest is booted before the first of them, or taken over from a file that left it clean, and has
 * the package installed; tests follow each other in the same guest, and so each has to leave the host as it found it.
 */
export function describeOn(host: Host, tests: Tests, { install = true, spoils = false }: Lending = {}): void {
  const pool = inject('vm');
  // CI knows by this title what ran where
  const title = `on ${host.name}${tests.name && `: ${tests.name}`}`;
  if ('missing' in pool) {
    describe.skip(`${title} (skipped: ${pool.missing})`, () => tests(new Guest(host.name), host));
    return;
  }
  describe(title, () => {
    const guest = new Guest(host.name);
    let held: Lease | undefined;
    let clean = !spoils;

    beforeEach(async () => {
      // one that died under the last test is replaced, for the sake of the others
      if (held && guest.isRunning()) return;
      await held?.giveBack(false);
      held = undefined;
      const next = await lease(pool.socket, host);
      guest.attach(next.dir);
      try {
        if (install) await guest.install();
        held = next;
      } catch (error) {
        await next.giveBack(false);
        throw error;
      }
    });
    afterEach(({ task }) => {
      if (task.result?.state === 'fail') clean = false;
    });
    afterAll(() => held?.giveBack(clean));

    tests(guest, host);
  });
}

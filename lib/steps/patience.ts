/** Waiting for what systemd does after it has answered. */
import { VfioIsolateError } from '../errors.js';
import { delay } from '../pause.js';

const PAUSE_MS = 20;
const PATIENCE_MS = 10_000;

/** @throws VfioIsolateError `ERR_NOT_HELD` with that message where it does not come to hold */
export async function until(holds: () => boolean, message: () => string): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !holds(); await delay(PAUSE_MS)) {
    if (performance.now() > end) throw new VfioIsolateError('ERR_NOT_HELD', message(), { remedy: 'see journalctl -b' });
  }
}

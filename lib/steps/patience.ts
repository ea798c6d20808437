/** Waiting for what systemd does after it has answered. */
import { VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import { delay } from '../pause.js';

const PAUSE_MS = 20;
const PATIENCE_MS = 10_000;

/** @throws VfioIsolateError `ERR_NOT_HELD` with that message if it does not come to hold; `ABORT_ERR` */
export async function until({ signal }: Host, holds: () => boolean, message: () => string): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !holds(); await delay(PAUSE_MS)) {
    if (signal?.aborted) throw new VfioIsolateError('ABORT_ERR', 'stopped while waiting for systemd');
    if (performance.now() > end) throw new VfioIsolateError('ERR_NOT_HELD', message(), { remedy: 'see journalctl -b' });
  }
}

import { expect, test } from 'vitest';
import { withSignal } from '../../lib/host.js';
import { until } from '../../lib/steps/patience.js';
import { hostTree } from '../support/tree.js';

test('what systemd does after it has answered is not waited for once the run is stopped', async () => {
  const stop = new AbortController();
  const host = withSignal(hostTree({}), stop.signal);
  setTimeout(() => stop.abort(), 50);
  await expect(
    until(
      host,
      () => false,
      () => 'never',
    ),
  ).rejects.toMatchObject({ code: 'ABORT_ERR' });
});

/** The examples, run as their heads say. */
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { notInPlace, openScratch } from '../support/scratch.js';

const example = (name: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, '../../examples', name), ...args], { encoding: 'utf8' });

describe.skipIf(notInPlace)(`examples, in place (${notInPlace ?? 'v1'})`, () => {
  test('gather.js moves the processes of a name', async () => {
    const scratch = openScratch();
    scratch.make('from');
    const to = scratch.make('to');
    // A name that nothing else on this machine has.
    const program = join(scratch.folder, 'vfio-gathered');
    symlinkSync('/bin/sleep', program);
    const script = `for i in 1 2 3; do ${program} 1000 & done; sleep 0.3; echo ready; wait`;
    const started = await scratch.start('from', script);
    const sleepers = scratch.tids('from').filter((tid) => tid !== started.pid);
    const { status, stdout } = example('gather.js', 'vfio-gathered', to);
    expect(stdout).toMatch(/^3 threads moved, 0 had exited, 0 refused$/m);
    expect(status).toBe(0);
    expect(scratch.tids('to')).toEqual(sleepers);
  });

  test("keep-off.js keeps a user's processes off CPUs", async () => {
    const scratch = openScratch();
    scratch.make('from');
    // A user of this test's own.
    const uid = 1_234_567;
    const started = await scratch.start('from', `setpriv --reuid ${uid} --clear-groups sleep 1000 & echo ready; wait`);
    const [pid = 0] = scratch.tids('from').filter((tid) => tid !== started.pid);
    const status = () => readFileSync(`/proc/${pid}/status`, 'utf8');
    while (!status().includes(`\t${uid}`)) await new Promise(setImmediate);
    const ran = example('keep-off.js', String(uid), '0-0');
    expect(ran).toMatchObject({ status: 0, stdout: '1 threads set, 0 had exited, 0 refused\n' });
    expect(status()).toMatch(/^Cpus_allowed_list:\s*1$/m);
  });

  test.each(['gather.js', 'keep-off.js'])('%s tells how it is used', (name) => {
    expect(example(name)).toMatchObject({ status: 2, stderr: expect.stringContaining(`usage: ${name}`) });
  });
});

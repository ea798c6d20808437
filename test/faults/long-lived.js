/**
 * One process that applies and restores again and again, for long-lived.test.ts: the words are what it is to touch and how
 * often. It prints what it holds every so many turns, a line of JSON each. Needs --expose-gc.
 */
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { openHost, run } from '../../dist/index.js';

const [home, guest, pid, undo, turns, every] = process.argv.slice(2);

/** With a lock of its own: the host's is held nearly all the time by a loop like this, and other tests would wait in vain. */
const host = openHost({ run: dirname(undo) });

const chain = [
  { name: 'cpuset-create', parameters: { cpusetName: guest, cpus: 'C0-1', memMigrate: true } },
  { name: 'move-tasks', parameters: { cpusetFrom: home, cpusetTo: guest } },
  { name: 'cpuset-modify', parameters: { cpusetName: guest, cpus: 'C1' } },
  { name: 'task-affinity', parameters: { cpuSet: 'C1', pid: [pid] } },
];
const restore = [{ name: 'restore', parameters: { undoFile: undo } }];
/** One that fails at its second command, and is rolled back. */
const failing = [chain[0], { name: 'move-tasks', parameters: { cpusetFrom: `${home}-nowhere`, cpusetTo: guest } }];

async function must(commands, options) {
  const { ok, error } = await run(commands, { ...options, host });
  if (!ok) throw error;
}

for (let turn = 0; turn <= Number(turns); turn++) {
  if (turn % Number(every) === 0) {
    // Twice: what the first round finalizes, the second frees.
    for (let round = 0; round < 2; round++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    const descriptors = readdirSync('/proc/self/fd').length;
    process.stdout.write(`${JSON.stringify({ turn, rss, heapUsed, external, descriptors })}\n`);
  }
  await must(chain, { undo });
  await must(restore, {});
  if (turn % 10 === 0 && (await run(failing, { host })).ok) throw new Error('it was to fail');
}

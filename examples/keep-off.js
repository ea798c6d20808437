/**
 * Keeps every process of a user off some CPUs, as those of a nightly build:
 *
 *   sudo node examples/keep-off.js 1000 4-7
 *
 * There is no undo: to have one, use the commands (`run`), which keep a record.
 */
import { openHost, setAffinities } from 'vfio-isolate';

const [user, list] = process.argv.slice(2);
const [first, last = first] = (list ?? '').split('-').map(Number);
if (user === undefined || !Number.isInteger(first)) {
  console.error('usage: keep-off.js UID FIRST-LAST');
  process.exit(2);
}

const cpus = Array.from({ length: 1024 }, (_, cpu) => cpu).filter((cpu) => cpu < first || cpu > last);
const filter = { user: Number(user), kernelThread: false };
const { done, gone, refused } = await setAffinities(openHost(), { filter }, cpus, {
  signal: AbortSignal.timeout(10_000),
});
console.log(`${done} threads set, ${gone} had exited, ${refused.length} refused`);
for (const { tid, comm, reason } of refused) console.log(`  ${tid} (${comm}): ${reason}`);

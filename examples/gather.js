/**
 * Gathers all processes of a name in a cgroup of the cpusets' hierarchy, which must exist:
 *
 *   sudo node examples/gather.js worker /workers.slice
 */
import { moveTasks, openHost } from 'vfio-isolate';

const [name, cgroup] = process.argv.slice(2);
if (name === undefined || cgroup === undefined) {
  console.error('usage: gather.js NAME CGROUP');
  process.exit(2);
}

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const result = await moveTasks(openHost(), { filter: { name } }, cgroup, {
  signal: stop.signal,
  onProgress: (tasks) => console.log(`${tasks} tasks so far`),
});
console.log(`${result.done} threads moved, ${result.gone} had exited, ${result.refused.length} refused`);
for (const { tid, comm, reason } of result.refused) console.log(`  ${tid} (${comm}): ${reason}`);
process.exitCode = result.refused.length > 0 || result.unsettled ? 1 : 0;

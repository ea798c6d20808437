/** What a large move needs beside its result. */
import { readFileSync, writeFileSync } from 'node:fs';
import { moveTasks, openHost } from '../dist/index.js';

const MIB = 2 ** 20;

const kilobytes = (field) =>
  Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))[1]);

export async function* memory(scene) {
  await scene.populate(20_000, 1);
  const host = openHost();
  const grown = [];
  let [from, to] = [scene.a, scene.b];
  for (let round = 0; round < 9; round++) {
    // 5 has the kernel forget the largest size so far (proc_pid_clear_refs(5)).
    writeFileSync('/proc/self/clear_refs', '5');
    const before = kilobytes('VmRSS');
    await moveTasks(host, { cgroup: from }, to);
    grown.push(((kilobytes('VmHWM') - before) * 1024) / MIB);
    [from, to] = [to, from];
  }
  grown.sort((a, b) => a - b);
  const [low, value, high] = [grown[0], grown[Math.floor(grown.length / 2)], grown.at(-1)];
  yield {
    what: 'memory that a move of 20000 tasks needs beyond what it starts with',
    value,
    low,
    high,
    bar: 1,
    unit: ' MiB',
  };
}

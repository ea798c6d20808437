/**
 * `npm run bench`: all figures of the README side by side, in one run. Exits with status 1 where a ratio is surely beyond
 * its bar, that is, by the lower end of its interval. With names of parts after it, those alone.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { affinities, moves, recordedMoves, scans } from './bulk.js';
import { growth } from './growth.js';
import { memory } from './memory.js';
import { missing, openScene } from './scene.js';
import { starts } from './start.js';

const PARTS = { moves, growth, recordedMoves, affinities, scans, memory, starts };
const named = process.argv.slice(2);
const strange = named.find((name) => !Object.hasOwn(PARTS, name));

const why = strange === undefined ? missing() : `no part is called ${strange}: ${Object.keys(PARTS).join(', ')}`;
if (why !== undefined) {
  process.stderr.write(`bench: ${why}\n`);
  process.exit(1);
}

const machine = {
  cpu: `${cpus().length} x ${cpus()[0]?.model}`,
  kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
  node: process.version,
  load: readFileSync('/proc/loadavg', 'utf8').split(' ')[0],
};
process.stdout.write(`${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}, load ${machine.load}\n`);

const scene = openScene();
const figures = [];
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());

try {
  for (const name of named.length > 0 ? named : Object.keys(PARTS)) {
    if (stop.signal.aborted) break;
    for await (const figure of PARTS[name](scene)) {
      figures.push(figure);
      process.stdout.write(`${lineOf(figure)}\n`);
    }
  }
} finally {
  await scene.close();
}

mkdirSync('results', { recursive: true });
writeFileSync('results/bench.json', `${JSON.stringify({ machine, figures }, undefined, 2)}\n`);
const missed = figures.filter(({ bar, low }) => bar !== undefined && low > bar);
for (const { what } of missed) process.stdout.write(`MISSED: ${what}\n`);
process.exitCode = missed.length > 0 || stop.signal.aborted ? 1 : 0;

/** `WHAT: 1.03 (1.01-1.04; A/A 0.98-1.02), bar 1.05; 7.1 against 6.9 ms`. */
function lineOf({ what, value, low, high, spread, bar, unit = '', times }) {
  const number = (of) => (Math.abs(of) >= 100 ? of.toFixed(0) : of.toFixed(2));
  const noise = spread === undefined ? '' : `; A/A ${number(spread.low)}-${number(spread.high)}`;
  const limit = bar === undefined ? '' : `, bar ${bar}${unit}`;
  const both = times === undefined ? '' : `; ${times.map(number).join(' against ')} ms`;
  return `${what}: ${number(value)}${unit} (${number(low)}-${number(high)}${noise})${limit}${both}`;
}

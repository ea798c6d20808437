/** What was tried and what was lost: every test adds to it, and the run ends with the sums. */
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../results', import.meta.url));
const file = `${folder}/faults-figures.tsv`;

/**
 * Adds to the figures.
 * @param what such as "kills of move-tasks, v1"; equal names are added up
 */
export function count(what: string, tried: number, lost = 0): void {
  appendFileSync(file, `${what}\t${tried}\t${lost}\n`);
}

/** Vitest's global setup: begins with nothing; at the end the sums are printed, and left for the summary. */
export default function setup(): () => void {
  mkdirSync(folder, { recursive: true });
  rmSync(file, { force: true });
  writeFileSync(file, '');
  return () => {
    const sums = new Map<string, [tried: number, lost: number]>();
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const [what = '', tried, lost] = line.split('\t');
      const [before, lostBefore] = sums.get(what) ?? [0, 0];
      sums.set(what, [before + Number(tried), lostBefore + Number(lost)]);
    }
    const rows = [...sums].sort(([a], [b]) => a.localeCompare(b));
    writeFileSync(file, rows.map(([what, [tried, lost]]) => `${what}\t${tried}\t${lost}\n`).join(''));
    const lines = rows.map(([what, [tried, lost]]) => `  ${what}: ${tried} tried, ${lost} lost\n`);
    process.stderr.write(`\nfaults\n${lines.join('')}\n`);
  };
}

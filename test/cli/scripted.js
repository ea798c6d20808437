/**
 * The command line, its streams and its signals for real, over a run that is scripted: SCRIPT names it, and DONE is a
 * file to be made when it has ended of its own accord. For tests, as a process of its own.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

/** Node 20 reads no types. */
const load = (path) => runnerImport(fileURLToPath(new URL(path, import.meta.url)), { logLevel: 'error' });
const { processIo } = (await load('../../lib/cli/io.ts')).module;
const { program } = (await load('../../lib/cli/program.ts')).module;

const spec = { name: 'go', summary: 'goes', description: [], arguments: [], options: [], examples: [] };
const change = { command: 'go', kind: 'file', target: '/x', from: '0', to: '1', changed: 1 };

const scripts = {
  /** Tells of 20,000 changes, more than a pipe holds. */
  async flood({ onChange }) {
    const changes = [];
    for (let count = 0; count < 20_000; count++) {
      changes.push({ ...change, text: `/x: ${count} -> ${count + 1}` });
      onChange(changes.at(-1));
      if (count % 100 === 0) await delay(0);
    }
    return { ok: true, commands: [reportOf(changes)] };
  },

  /** Waits for a signal, says so, and takes its time to roll back. */
  async wait({ signal }) {
    process.stdout.write('waiting\n');
    const patience = setTimeout(() => {}, 20_000);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    clearTimeout(patience);
    process.stdout.write('stopping\n');
    await delay(500);
    return { ok: false, commands: [], error: Object.assign(new Error('stopped'), { code: 'ABORT_ERR' }) };
  },
};

function reportOf(changes) {
  return { command: 'go', status: 'done', changes, refused: [], gone: 0, notes: [], failures: [] };
}

async function run(_commands, options) {
  const report = await scripts[process.env.SCRIPT](options);
  writeFileSync(process.env.DONE, '');
  return { dryRun: options.dryRun, rollbackErrors: [], ...report };
}

const io = processIo();
io.end(await program(process.argv.slice(2), io, { actions: [{ spec }], run }));

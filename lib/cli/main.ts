/** Where `bin/vfio-isolate.js` enters. What one command line does not need is not loaded for it. */
import { writeSync } from 'node:fs';
import { packageVersion } from '../version.js';
import { load } from './script.js';

/** Does what the command line asks for; the process ends once its output has drained. */
export async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv[0] === '--version') return sayVersion();
  const loaded = load('command.cjs');
  const { command } = loaded.exports as typeof import('./command.js');
  await command(argv, loaded);
}

/** At once, without a stream, for it is all that there is; what cannot be written is given up. */
function sayVersion(): void {
  try {
    writeSync(1, `${packageVersion()}\n`);
  } catch {}
}

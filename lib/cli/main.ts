/** Where `bin/vfio-isolate.js` enters. What one command line does not need is not loaded for it. */
import { packageVersion } from '../version.js';
import { processIo, say } from './io.js';

/** Sets the exit status and returns; the process ends once its output has drained. */
export async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv[0] === '--version') return say(`${packageVersion()}\n`);
  const io = processIo();
  const [api, { program }] = await Promise.all([import('../index.js'), import('./program.js')]);
  process.exitCode = await program(argv, io, api);
}

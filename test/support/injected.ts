/** The command line on a host that stands in for this one. */
import { program } from '../../lib/cli/program.js';
import { actions, type Host, run } from '../../lib/index.js';
import { fakeIo } from '../cli/samples.js';

/** Runs a command line. Paths in what it says are as on a real host. */
export async function commandLine(host: Host, ...words: string[]) {
  const { io, stdout, stderr } = fakeIo();
  const status = await program(words, io, { actions, run: (list, options) => run(list, { ...options, host }) });
  const plain = (text: string) => text.replaceAll(host.sys, '/sys').replaceAll(host.proc, '/proc');
  return { status, stdout: plain(stdout()), stderr: plain(stderr()) };
}

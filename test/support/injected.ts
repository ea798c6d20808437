/** The command line on a host that stands in for this one. */
import { program } from '../../lib/cli/program.js';
import { actions, type Host, records, run } from '../../lib/index.js';
import { fakeIo } from '../cli/samples.js';

/** Runs a command line. Paths in what it says are as on a real host. */
export async function commandLine(host: Host, ...words: string[]) {
  return onTerminal(false, host, ...words);
}

/** The same, with messages that go to a terminal or not. */
export async function onTerminal(isTerminal: boolean, host: Host, ...words: string[]) {
  const { io, stdout, stderr } = fakeIo(false, isTerminal);
  const status = await program(words, io, {
    actions,
    run: (list, options) => run(list, { ...options, host }),
    records: (options) => records({ ...options, host }),
  });
  const plain = (text: string) => text.replaceAll(host.sys, '/sys').replaceAll(host.proc, '/proc');
  return { status, stdout: plain(stdout()), stderr: plain(stderr()) };
}

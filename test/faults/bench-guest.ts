import { recordFile } from '../support/record.js';
import type { Guest } from '../vm/guest.js';
import { diff } from '../vm/snapshot.js';
import type { Bench } from './bench.js';

const FOLDER = '/root/records';
const UNDO = `${FOLDER}/undo`;
const LOG = '/root/strace';

/** Seconds; an emulated guest takes two for a run alone. */
const LIMIT = 120;

/** Where all of a host is at hand, in a guest. */
export async function benchOn(guest: Guest): Promise<Bench> {
  await guest.must(`mkdir -p ${FOLDER}`);
  return {
    undo: UNDO,
    log: LOG,
    async run(words, strace) {
      const command = ['/usr/local/bin/vfio-isolate', ...words];
      const [program = '', ...rest] = strace === undefined ? command : ['strace', ...strace, ...command];
      return guest.run(program, rest, { limit: LIMIT });
    },
    readLog: () => guest.must(`cat ${LOG}`),
    hasRecord: async () => (await guest.sh(`[ -e ${recordFile(UNDO)} ]`)).status === 0,
    clear: async () =>
      void (await guest.must(`rm -f ${FOLDER}/* /run/vfio-isolate/name-* /run/vfio-isolate/unfinished`)),
    async watch() {
      const before = await guest.snapshot();
      return async () => diff(before, await guest.snapshot());
    },
  };
}

/** A TID that the kernel has given out anew is another task: in a PID namespace, where the next one can be chosen. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { BIN, execute } from '../support/cli.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { count } from './figures.js';

const noNamespaces = notInPlace ?? (readNextPid() ? undefined : 'no /proc/sys/kernel/ns_last_pid');

describe.skipIf(noNamespaces)(`reused TIDs, in place (${noNamespaces ?? 'v1, in a PID namespace'})`, () => {
  let scratch: Scratch;
  beforeEach(() => {
    scratch = openScratch();
    scratch.make('home');
    scratch.make('other');
  });

  /** Runs a script as the first process of a PID namespace, which ends with it. */
  async function inNamespace(script: string): Promise<string[]> {
    const tools = `set -e
      cd ${scratch.directory}
      vi() { ${process.execPath} ${BIN} --wait 60 "$@" 2>&1 || echo "status $?"; }
      sleeper() { sleep 1000 & pid=$!; echo $pid > $1/tasks; }
      # the next process gets the TID of one that has ended; the sysctl is the namespace's own
      reuse() {
        { kill $1; wait $1; } 2>/dev/null || true
        echo $(($1 - 1)) > /proc/sys/kernel/ns_last_pid
        sleep 1000 &
        [ $! = $1 ] || { echo "$! instead of $1"; exit 1; }
      }
      `;
    const own = ['--pid', '--fork', '--mount-proc', '--kill-child', '/bin/sh', '-c', tools + script];
    const { status, stdout, stderr } = await execute('unshare', own);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout.split('\n').filter(Boolean);
  }

  test.each(['', '--force'])('one that was moved is not taken home (restore %s)', async (force) => {
    const seen = await inNamespace(`
      sleeper home; gone=$pid; sleeper home; stays=$pid
      vi -u ${scratch.folder}/undo cpuset-create ${scratch.name}/guest move-tasks ${scratch.name}/home ${scratch.name}/guest
      reuse $gone; echo $gone > other/tasks
      cat /proc/$gone/cpuset /proc/$stays/cpuset
      vi ${force} restore ${scratch.folder}/undo
      cat /proc/$gone/cpuset /proc/$stays/cpuset`);
    const [other, guest, home] = ['other', 'guest', 'home'].map((name) => `${scratch.name}/${name}`);
    expect(seen).toEqual([other, guest, other, home]);
    count('reused TIDs', 1);
  });

  test.each(['', '--force'])('one that was given CPUs keeps its own (restore %s)', async (force) => {
    const seen = await inNamespace(`
      cpus() { taskset -pc $1 | sed 's/.*: //'; }
      sleeper home; gone=$pid; sleeper home; stays=$pid
      vi -u ${scratch.folder}/undo task-affinity C0 $gone $stays
      reuse $gone; taskset -pc 0 $gone > /dev/null
      cpus $gone; cpus $stays
      vi ${force} restore ${scratch.folder}/undo
      cpus $gone; cpus $stays`);
    expect(seen).toEqual(['0', '0', '0', '0,1']);
    count('reused TIDs', 1);
  });
});

function readNextPid(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/ns_last_pid', 'utf8') !== '';
  } catch {
    return false;
  }
}

/** A run that is killed while a program of systemd does what it asked for. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BIN, execute } from '../support/cli.js';
import { header, recordFile, step, writeRecord } from '../support/record.js';
import { notInPlace } from '../support/scratch.js';

const SYSTEMCTL = '/usr/bin/systemctl';
const missing = notInPlace ?? (existsSync(SYSTEMCTL) ? undefined : `no ${SYSTEMCTL} to stand in for`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-killed-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const AWAIT = 'await() { for i in $(seq 200); do if [ -e "$1" ]; then return; fi; sleep 0.05; done; }';

/** In the place of systemctl: knows no unit, and takes its time to say so the first time. */
const STAND_IN = `${AWAIT}
if mkdir "$folder/asked" 2>/dev/null; then await "$folder/go-on"; fi
printf "%s\\n" LoadState=not-found ActiveState=inactive SubState=dead`;

/** Kills a restore under way, and restores again: at once, and when the program has ended. */
const SCRIPT = `set -e; ${AWAIT}
mount --bind "$folder/systemctl" ${SYSTEMCTL}
mount --bind "$folder/store" /run/vfio-isolate
set +e
"$@" restore "$folder/undo" & run=$!
await "$folder/asked"
kill -KILL $run
wait $run 2>/dev/null
"$@" --wait 0 restore "$folder/undo"; echo "meanwhile $?"
touch "$folder/go-on"
"$@" restore "$folder/undo"; echo "afterwards $?"`;

test.skipIf(missing)(`is not over before that has ended (${missing ?? 'private mounts'})`, async () => {
  const target = `/sys/fs/cgroup/cpuset/vfio-isolate-test-${process.pid}.slice AllowedCPUs`;
  const [from, to] = [
    { list: '', dropIn: false },
    { list: '0', dropIn: true },
  ];
  const record = basename(recordFile(join(folder, 'undo')));
  mkdirSync(join(folder, 'store'), { mode: 0o700 });
  writeRecord(join(folder, 'store', record), header(), step(1, { kind: 'property', target, from, to }));
  writeFileSync(join(folder, 'systemctl'), `#!/bin/sh\nfolder=${folder}\n${STAND_IN}\n`, { mode: 0o755 });
  const inMounts = ['--mount', '--propagation', 'private', '/bin/sh', '-c', `folder=${folder}; ${SCRIPT}`, 'sh'];
  const { stdout, stderr } = await execute('unshare', [...inMounts, process.execPath, BIN]);
  expect(stdout.split('\n'), stderr).toEqual(['meanwhile 75', 'afterwards 0', '']);
});

import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';

/**
 * A disk that answers after 250 s: who waits for its dirty pages hangs in the kernel, where no signal ends them. Its delay
 * is in jiffies of 4 ms.
 */
const HANGING = `
modprobe sd_mod; modprobe scsi_debug dev_size_mb=8
until [ -b /dev/sda ]; do sleep 0.2; done
mke2fs -F /dev/sda; mkdir -p /tmp/disk; mount /dev/sda /tmp/disk
dd if=/dev/zero of=/tmp/disk/file bs=64k count=1; sync; cat /tmp/disk/file
echo 1000 >/sys/block/sda/device/timeout
until echo 62500 >/sys/bus/pseudo/drivers/scsi_debug/delay; do sleep 0.2; done
dd if=/dev/zero of=/tmp/disk/file bs=64k count=1 conv=notrunc
`;

/** Processes of ours that wait for a disk. */
const WAITING = "grep -l '^State:.D' /proc/[0-9]*/status | xargs -r grep -l '^Name:.node'";

const NOTE =
  'vfio-isolate: drop-caches: the disks did not take all dirty pages within 30 s: only clean ones are dropped';

/** Spoils the host: its disk goes on hanging. */
export function hangingDisk(guest: Guest): void {
  test('drop-caches holds no lock while a disk hangs, ends by a signal or in time, and leaves nobody waiting', async () => {
    const told = await guest.must(
      `exec 3>&1 >/dev/null 2>&1
      ${HANGING}
      ( sh -c 'echo $$ >/tmp/pid; exec vfio-isolate drop-caches cpu-governor performance'; echo first $? >&3 ) 2>&1 | cat &
      until ${WAITING}; do sleep 0.2; done
      vfio-isolate --wait 0 -u /tmp/other cpu-governor performance; echo second $? >&3
      vfio-isolate --wait 0 restore /tmp/other; echo restore $? >&3
      kill -TERM $(cat /tmp/pid); wait
      ${WAITING} && echo waiting >&3
      vfio-isolate -u /tmp/undo drop-caches cpu-governor performance 2>&3; echo third $? >&3
      vfio-isolate restore /tmp/undo; echo restore $? >&3`,
      { limit: 180 },
    );
    const lines = ['second 0', 'restore 0', 'first 143', 'waiting', NOTE, 'third 0', 'restore 0', ''];
    expect(told.split('\n')).toEqual(lines);
  });
}

import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import { cpusetOf, diff, type Snapshot } from '../snapshot.js';

// emulated within the emulation: it has no disk to boot from, and that is all it has to do
const domain = `
<domain type='qemu'>
  <name>small</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><memballoon model='none'/></devices>
</domain>`;

/** libvirt's own ways are no difference that the tool would have made. Spoils the host: libvirt enables cpuset for good. */
export function libvirtDomain(guest: Guest): void {
  test('a domain runs in its machine.slice, and goes without a difference', async () => {
    await guest.must('systemctl start libvirtd', { limit: 240 });
    await guest.run('tee', ['/tmp/small.xml'], { input: domain });
    await guest.must('virsh define /tmp/small.xml', { limit: 120 });
    await guest.must('virsh start small', { limit: 240 });
    await guest.must('virsh destroy small', { limit: 120 });
    const before = await guest.snapshot();
    expect(vcpuCgroups(before)).toEqual([]);

    await guest.must('virsh start small', { limit: 240 });
    expect(await guest.must('virsh domstate small')).toMatch(/^running$/m);
    expect(vcpuCgroups(await guest.snapshot())).toEqual([
      expect.stringMatching(/^\/machine\.slice\/machine-qemu\S+small\.scope(\/libvirt)?\/vcpu0$/),
    ]);
    await guest.must('virsh destroy small', { limit: 120 });
    expect(diff(before, await guest.snapshot())).toEqual([]);
  });
}

/** Where QEMU's threads named after their vCPU are. */
const vcpuCgroups = ({ tasks }: Snapshot) =>
  Object.values(tasks).flatMap((task) => (/^CPU \d+\//.test(task.name) ? [cpusetOf(task)] : []));

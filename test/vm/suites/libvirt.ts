import { expect, test } from 'vitest';
import type { Guest } from '../guest.js';
import { cpusetOf, diff, type Snapshot } from '../snapshot.js';

/** Emulated within the emulation: it has no disk to boot from, and that is all it has to do. @param extra for QEMU */
const domain = (name: string, extra: readonly string[]) => `
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><memballoon model='none'/></devices>
  <qemu:commandline>${extra.map((word) => `<qemu:arg value='${word}'/>`).join('')}</qemu:commandline>
</domain>`;

export async function defineDomain(guest: Guest, name: string, extra: readonly string[] = []): Promise<void> {
  await guest.run('tee', [`/tmp/${name}.xml`], { input: domain(name, extra) });
  await guest.must(`virsh define /tmp/${name}.xml`, { limit: 120 });
}

/** A first domain has come and gone on this host, without any hook: what that leaves for good is libvirt's. */
export async function libvirtOnce(guest: Guest): Promise<void> {
  if ((await guest.sh('[ -e /run/first-domain ]')).status === 0) return;
  await guest.must('rm -f /etc/libvirt/hooks/qemu; systemctl start libvirtd', { limit: 240 });
  await defineDomain(guest, 'small');
  await guest.must('virsh start small', { limit: 240 });
  await guest.must('virsh destroy small; touch /run/first-domain', { limit: 120 });
}

/** libvirt's own ways are no difference that the tool would have made. Spoils the host: libvirt enables cpuset for good. */
export function libvirtDomain(guest: Guest): void {
  test('a domain runs in its machine.slice, and goes without a difference', async () => {
    await libvirtOnce(guest);
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

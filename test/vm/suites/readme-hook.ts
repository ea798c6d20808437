import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readmeBlock } from '../../support/readme.js';
import { expectConfined, expectGovernor, expectInterruptsOff } from '../effects.js';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { refusingInterrupts } from '../interrupts.js';
import { diff, type Snapshot } from '../snapshot.js';
import { defineDomain, libvirtOnce } from './libvirt.js';

/** The original README's, word for word. */
const original = readFileSync(new URL('original-hook.sh', import.meta.url), 'utf8');

/** Our README's, which narrows kthreadd by a command that has an undo. */
const ours = readmeBlock('In a libvirt hook', 0);

/** What somebody else's script needs below its first line, to run under AppArmor. */
const oneLine = readmeBlock('In a libvirt hook', 1);

/** Both hooks under a real libvirtd: what they isolate, and that they leave what a run without a hook has left. */
export function readmeHook(guest: Guest, host: Host): void {
  const start = (name: string) => guest.sh(`virsh start ${name}`, { limit: 300 });
  const destroy = () => guest.must('virsh destroy small', { limit: 300 });
  /** Each test sees to its own host: after an Oops the next has a new guest. */
  const install = async (script: string) => {
    // Somebody uses the controller all the while. Where the last one goes, the kernel patches its own code, which emulated
    // CPUs now and then see half done; that the controller goes as it came is for other suites.
    const keep = `systemd-run -q --unit keep -p AllowedCPUs=0-${host.cpus - 1} sleep infinity`;
    await guest.must(`systemctl -q is-active keep || ${keep}`, { limit: 120 });
    await libvirtOnce(guest);
    await guest.run('tee', ['/etc/libvirt/hooks/qemu'], { input: script });
    // libvirt looks for hooks when it starts
    await guest.must('chmod 755 /etc/libvirt/hooks/qemu; systemctl restart libvirtd', { limit: 240 });
  };
  /** How AppArmor confines libvirtd, and so the hook. */
  const confinement = async () => (await guest.must('cat /proc/$(pidof libvirtd)/attr/apparmor/current')).trim();
  /** Equal in effect to an empty list, which the kernel does not give to a cpuset that holds tasks. */
  const sameInEffect = (line: string) =>
    new RegExp(`^/sys/fs/cgroup/(system|user).slice/cpuset.cpus: empty -> 0-${host.cpus - 1}$`).test(line);
  const differences = (before: Snapshot, after: Snapshot) => diff(before, after).filter((line) => !sameInEffect(line));

  const expectHostIsolated = async (refusing: readonly number[]) => {
    const during = await guest.snapshot();
    for (const unit of ['/system.slice', '/user.slice']) expectConfined(during, unit, '0-6,16-22');
    expectGovernor(during, `0-${host.cpus - 1}`, 'performance');
    expectInterruptsOff(during, '8-15,24-31', refusing);
    const [kthreadd] = Object.entries(during.tasks).filter(([id]) => id.startsWith('2:'));
    expect(kthreadd?.[1].cpus).toBe('0-6,16-22');
  };

  const thereAndBack = async (rounds: number) => {
    const refusing = await refusingInterrupts(guest);
    const before = await guest.snapshot();
    for (let round = 0; round < rounds; round++) {
      expect(await start('small')).toMatchObject({ status: 0, stderr: '' });
      await expectHostIsolated(refusing);
      await destroy();
      expect(differences(before, await guest.snapshot())).toEqual([]);
    }
  };

  test('our hook, with AppArmor as installed: virsh start isolates and virsh destroy leaves no difference, twice', async () => {
    await install(ours);
    expect(await confinement()).toBe('libvirtd (enforce)');
    await thereAndBack(2);
  });

  test("the original's hook with our README's one line, with AppArmor as installed: isolates and leaves no difference", async () => {
    await install(original.replace('#!/bin/bash\n', `#!/bin/bash\n${oneLine}`));
    expect(await confinement()).toBe('libvirtd (enforce)');
    await thereAndBack(1);
  });

  test('a domain that fails to start is released as well', async () => {
    await install(ours);
    const before = await guest.snapshot();
    await defineDomain(guest, 'broken', ['-no-such-option']);
    // QEMU refuses it, not the hook
    const refused = { status: 1, stderr: expect.stringContaining('no-such-option') };
    expect(await start('broken')).toMatchObject(refused);
    expect(differences(before, await guest.snapshot())).toEqual([]);
  });

  test('twice prepared and once released, in a bare environment', async () => {
    const bare =
      'env -i LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /etc/libvirt/hooks/qemu small';
    await install(ours);
    const refusing = await refusingInterrupts(guest);
    const before = await guest.snapshot();
    await guest.must(`${bare} prepare begin - && ${bare} prepare begin -`, { limit: 240 });
    await expectHostIsolated(refusing);
    await guest.must(`${bare} release end - && ${bare} release end -`, { limit: 240 });
    expect(differences(before, await guest.snapshot())).toEqual([]);
  });

  // last: without its profile libvirtd stays
  test("the original's hook, with AppArmor taken down: virsh start isolates and virsh destroy leaves no difference", async () => {
    await guest.must('aa-teardown', { limit: 120 });
    await install(original);
    expect(await confinement()).toBe('unconfined');
    await thereAndBack(1);
  });
}

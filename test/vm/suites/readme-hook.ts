import { expect, test } from 'vitest';
import { readmeBlock } from '../../support/readme.js';
import { expectConfined, expectGovernor, expectInterruptsOff } from '../effects.js';
import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { refusingInterrupts } from '../interrupts.js';
import { diff, flag, type Snapshot } from '../snapshot.js';
import { defineDomain, libvirtOnce } from './libvirt.js';

/**
 * The variables, commands and order of the original README's hook. On 6.12 kernel threads that are born meanwhile keep
 * kthreadd's mask for good.
 */
const original = `#!/bin/bash
HCPUS=0-6,16-22
MCPUS=8-15,24-31
UNDOFILE=/var/run/libvirt/qemu/vfio-isolate-undo.bin
case "$2" in
prepare)
  vfio-isolate -u $UNDOFILE \\
    drop-caches \\
    cpu-governor performance \\
    cpuset-modify --cpus C$HCPUS /system.slice \\
    cpuset-modify --cpus C$HCPUS /user.slice \\
    compact-memory \\
    irq-affinity mask C$MCPUS
  taskset -pc $HCPUS 2
  ;;
release)
  vfio-isolate restore $UNDOFILE
  taskset -pc 0-31 2
  ;;
esac
`;

/** The one of our README, which narrows kthreadd by a command that has an undo. */
const ours = readmeBlock('In a libvirt hook', 0);

/**
 * The original README's hook with a real libvirtd: what it isolates, and that it leaves what a run without it, which was
 * before this, has left.
 */
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
  /** Equal in effect to an empty list, which the kernel does not give to a cpuset that holds tasks. */
  const sameInEffect = (line: string) =>
    new RegExp(`^/sys/fs/cgroup/(system|user).slice/cpuset.cpus: empty -> 0-${host.cpus - 1}$`).test(line);
  const differences = (before: Snapshot, after: Snapshot) => diff(before, after).filter((line) => !sameInEffect(line));

  /** What the original's taskset leaves on 6.12: kernel threads that were born of a narrowed kthreadd. */
  const isLeak = ({ tasks }: Snapshot, line: string) => {
    const tid = /^task (\d+) .* CPUs: /.exec(line)?.[1];
    const [, task] = Object.entries(tasks).find(([id]) => id.startsWith(`${tid}:`)) ?? [];
    return host.kernel !== '6.1' && task !== undefined && (task.flags & flag.kernelThread) !== 0;
  };

  const expectHostIsolated = async (refusing: readonly number[]) => {
    const during = await guest.snapshot();
    for (const unit of ['/system.slice', '/user.slice']) expectConfined(during, unit, '0-6,16-22');
    expectGovernor(during, `0-${host.cpus - 1}`, 'performance');
    expectInterruptsOff(during, '8-15,24-31', refusing);
    const [kthreadd] = Object.entries(during.tasks).filter(([id]) => id.startsWith('2:'));
    expect(kthreadd?.[1].cpus).toBe('0-6,16-22');
  };

  // on 6.1, where each takes longest, the original's alone
  const hooks: [name: string, script: string, rounds: number][] = [['original', original, 1]];
  if (host.kernel !== '6.1') hooks.push(['own', ours, 2]);
  for (const [name, script, rounds] of hooks) {
    test(`with the ${name} hook, virsh start isolates and virsh destroy leaves no difference, ${rounds} in a row`, async () => {
      await install(script);
      const refusing = await refusingInterrupts(guest);
      const before = await guest.snapshot();
      for (let round = 0; round < rounds; round++) {
        expect(await start('small')).toMatchObject({ status: 0 });
        await expectHostIsolated(refusing);
        await destroy();
        const found = differences(before, await guest.snapshot());
        expect(name === 'original' ? found.filter((line) => !isLeak(before, line)) : found).toEqual([]);
      }
    });
  }

  if (host.kernel === '6.1') return;

  test('a domain that fails to start is released as well', async () => {
    await install(ours);
    const before = await guest.snapshot();
    await defineDomain(guest, 'broken', ['-no-such-option']);
    expect(await start('broken')).not.toMatchObject({ status: 0 });
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
}

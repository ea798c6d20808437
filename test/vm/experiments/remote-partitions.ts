/**
 * `node test/vm/run.js ./experiments/remote-partitions.ts 6.12|7.2`: what remote partitions of a domain's vCPUs cost and
 * change, for docs/decisions/remote-partitions.md. Nothing is judged here: the findings are printed as JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boot } from '../boot.js';
import { missing } from '../capability.js';
import { Guest } from '../guest.js';
import { type KernelVersion, systemdHost } from '../host.js';
import { flag, type Snapshot } from '../snapshot.js';

const kernel = (process.argv[3] ?? '6.12') as KernelVersion;
const reason = await missing();
if (reason !== undefined) throw new Error(`no guest can run: ${reason}`);

/** The domain's CPUs, one a vCPU; its emulator has others, and so has the meter of another guest's longest gap. */
const VCPUS = [4, 5];
const SPINNING = 7;
const SECONDS = 15;
const ROUNDS = 5;

const domain = `
<domain type='qemu'>
  <name>measured</name>
  <memory unit='MiB'>32</memory>
  <vcpu placement='static'>${VCPUS.length}</vcpu>
  <cputune>
    ${VCPUS.map((cpu, vcpu) => `<vcpupin vcpu='${vcpu}' cpuset='${cpu}'/>`).join('')}
    <emulatorpin cpuset='0-1'/>
  </cputune>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><memballoon model='none'/></devices>
</domain>`;

const empty = join(tmpdir(), `vfio-isolate-experiment-${process.pid}`);
await mkdir(empty);
const host = systemdHost({
  name: `remote-partitions-${kernel}`,
  kernel,
  hierarchy: 'v2',
  cpus: 12,
  boot: 'nohz_full=10-11',
  lifetime: 3600,
});
const machine = await boot(host, empty);
const guest = new Guest(host.name, machine.dir);
const found: Record<string, unknown> = { kernel };
try {
  const source = new URL('meter.c', import.meta.url).pathname;
  execFileSync('cc', [
    '-std=c17',
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-static',
    '-o',
    join(machine.dir, 'job/meter'),
    source,
  ]);
  // Its journal is kept by a thread that is born of kthreadd.
  execFileSync('mke2fs', ['-q', '-t', 'ext4', join(machine.dir, 'job/disk'), '64M']);
  const must = (script: string, limit = 300) => guest.must(script, { limit });
  found['versions'] = (await must('uname -r; systemctl --version | head -1; libvirtd --version')).trim().split('\n');

  await must('systemctl start libvirtd');
  await guest.run('tee', ['/tmp/measured.xml'], { input: domain });
  await must('touch /tmp/other; virsh define /tmp/measured.xml && virsh start measured && sleep 5');
  const vcpus = (await must('find /sys/fs/cgroup/machine.slice -type d -name "vcpu[0-9]*" | sort')).trim().split('\n');
  const [first = ''] = vcpus;
  const above = first.split('/').slice(0, -1);
  const path = above
    .map((_, index) => above.slice(0, index + 1).join('/'))
    .filter((each) => each.includes('machine.slice'));
  found['path'] = [...path, ...vcpus];
  found['types'] = (await must(`cat ${[...path, ...vcpus].map((each) => `'${each}/cgroup.type'`).join(' ')}`))
    .trim()
    .split('\n');

  /** Milliseconds, or the errno. */
  const write = async (file: string, text: string) => {
    const [nanoseconds = 0, errno = 0] = (await must(`/vm/meter write '${file}' '${text}'`))
      .trim()
      .split(' ')
      .map(Number);
    return { ms: Math.round(nanoseconds / 10_000) / 100, ...(errno !== 0 && { errno }) };
  };
  const times: Record<string, unknown> = {};
  const timed = async (what: string, file: string, text: string) => {
    times[what] = await write(file, text);
  };
  const gap = async (act: () => Promise<void>) => {
    const spin = `/vm/meter gap ${SECONDS} ${SPINNING} >/tmp/gap`;
    await must(`
      rm -f /tmp/gap
      systemd-run -q --scope --slice=machine.slice sh -c '${spin}' >/dev/null 2>&1 &
      until grep -q ready /tmp/gap 2>/dev/null; do sleep 0.1; done`);
    await act();
    if ((await must('wc -l </tmp/gap')).trim() !== '1') throw new Error('the meter ended before what it is to measure');
    return Number((await must('until [ $(wc -l </tmp/gap) = 2 ]; do sleep 0.5; done; tail -n 1 /tmp/gap')).trim());
  };
  const make = async () => {
    for (const each of path)
      await timed(`exclusive, ${each.split('/').at(-1)}`, `${each}/cpuset.cpus.exclusive`, VCPUS.join());
    for (const [index, each] of vcpus.entries()) {
      await timed(`exclusive, vcpu${index}`, `${each}/cpuset.cpus.exclusive`, String(VCPUS[index]));
      await timed(`isolated, vcpu${index}`, `${each}/cpuset.cpus.partition`, 'isolated');
    }
  };
  const state = () =>
    must(
      `grep . ${vcpus.map((each) => `'${each}/cpuset.cpus.partition' '${each}/cpuset.cpus.effective'`).join(' ')}; cat /sys/fs/cgroup/cpuset.cpus.isolated /sys/devices/virtual/workqueue/cpumask`,
    );

  const before = await guest.snapshot();
  found['gap while made, us'] = await gap(make);
  found['held'] = (await state()).trim().split('\n');
  const isolated = await guest.snapshot();
  found['masks while isolated'] = changes(before, isolated);
  found['nohz_full while isolated'] = onCpus(isolated, [10, 11]);

  await must(
    'set -e; cp /vm/disk /tmp/disk; mkdir -p /tmp/mnt; modprobe loop; mount -o loop /tmp/disk /tmp/mnt; grep /tmp/mnt /proc/mounts; sleep 2',
  );
  const born = await guest.snapshot();
  found['born meanwhile'] = newThreads(isolated, born);

  const rounds: Record<string, { ms: number }[]> = { member: [], isolated: [] };
  const gaps: Record<string, number[]> = { 'other writes': [], 'partition writes': [] };
  for (let round = 0; round < ROUNDS; round++) {
    const other = async () => {
      for (let times = 0; times < 4; times++) await write('/tmp/other', 'member');
    };
    const toggle = async () => {
      for (const to of ['member', 'isolated', 'member', 'isolated'])
        rounds[to]?.push(await write(`${first}/cpuset.cpus.partition`, to));
    };
    gaps['other writes']?.push(await gap(other));
    gaps['partition writes']?.push(await gap(toggle));
  }
  found['longest gaps, us'] = gaps;
  found['rounds of vcpu0'] = rounds;
  for (const [index, each] of vcpus.entries())
    await timed(`member, vcpu${index}`, `${each}/cpuset.cpus.partition`, 'member');
  for (const each of [...vcpus, ...path.toReversed()])
    await timed(`exclusive empty, ${each.split('/').at(-1)}`, `${each}/cpuset.cpus.exclusive`, '\n');
  found['times'] = times;
  await must('sleep 3');
  const after = await guest.snapshot();
  found['masks afterwards'] = changes(before, after);
  found['born meanwhile, afterwards'] = newThreads(isolated, after);
  await must('umount /tmp/mnt');

  await make();
  const live = await guest.snapshot();
  const began = Date.now();
  await must('virsh destroy measured');
  found['end of the domain with live partitions, s'] = (Date.now() - began) / 1000;
  found['isolated after it'] = (await must('sleep 2; cat /sys/fs/cgroup/cpuset.cpus.isolated')).trim();
  const ended = await guest.snapshot();
  found['masks that its end changes'] = changes(live, ended);
  found['masks after the domain'] = changes(before, ended);

  const unit = (name: string, lines: string) => `printf '${lines}' >/run/systemd/system/${name}`;
  await must(
    `${unit('seen.path', '[Path]\\nPathModified=/sys/fs/cgroup\\n')}; ${unit('seen.service', '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c "echo seen >>/tmp/seen"\\n')}; systemctl daemon-reload; systemctl start seen.path`,
  );
  const watched = must('/vm/meter watch 25 /sys/fs/cgroup /sys/fs/cgroup/system.slice /sys/fs/cgroup/machine.slice');
  await must(
    'sleep 2; mkdir /sys/fs/cgroup/raw; sleep 1; rmdir /sys/fs/cgroup/raw; systemd-run -q --unit=aservice sleep 1000; systemd-run -q --unit=inslice --slice=anew.slice sleep 1000; (systemd-run -q --scope --slice=machine.slice --unit=ascope sleep 5 &) ; sleep 3; systemctl stop aservice inslice; sleep 1; systemctl stop anew.slice',
  );
  found['inotify'] = (await watched).trim().split('\n');
  found['path unit started its service'] = (
    await must('cat /tmp/seen 2>/dev/null | wc -l; systemctl is-active seen.path || true')
  )
    .trim()
    .split('\n');
} finally {
  process.stdout.write(`${JSON.stringify(found, undefined, 1)}\n`);
  await machine.end();
  await rm(empty, { recursive: true });
}

/** How many tasks have another mask than before, with some of them. */
function changes({ tasks: before }: Snapshot, { tasks: after }: Snapshot) {
  const lines = Object.entries(before).flatMap(([id, task]) => {
    const now = after[id];
    if (now === undefined || now.cpus === task.cpus) return [];
    return `${(task.flags & flag.kernelThread) !== 0 ? 'kernel thread' : 'task'} ${task.name}: ${task.cpus} -> ${now.cpus}`;
  });
  return { count: lines.length, lines: lines.slice(0, 60) };
}

function newThreads({ tasks: before }: Snapshot, { tasks: after }: Snapshot): string[] {
  const isNew = ([id, { flags }]: [string, { flags: number }]) =>
    before[id] === undefined && (flags & flag.kernelThread) !== 0;
  return Object.entries(after)
    .filter(isNew)
    .map(([, { name, cpus }]) => `${name}: ${cpus}`);
}

/** Tasks that may run on one of these CPUs and on others too. */
function onCpus({ tasks }: Snapshot, cpus: readonly number[]) {
  const isThere = (list: string) =>
    list.split(',').some((part) => {
      const [from = 0, to = from] = part.split('-').map(Number);
      return cpus.some((cpu) => from <= cpu && cpu <= to);
    });
  const wide = Object.values(tasks).filter((task) => isThere(task.cpus) && /[-,]/.test(task.cpus));
  return { count: wide.length, some: wide.slice(0, 10).map(({ name, cpus: list }) => `${name}: ${list}`) };
}

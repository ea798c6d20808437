import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exec } from '../exec.js';
import { cached } from './cache.js';
import { networkOptions, type Suite, sourceLine } from './debian.js';

interface Root {
  readonly suite: Suite;
  /** The folder laid over what the packages bring. */
  readonly overlay: 'busybox' | 'debian';
  readonly packages: readonly string[];
  readonly variant: 'extract' | 'minbase';
  readonly megabytes: number;
  /** Shell commands run in the new tree, from outside. */
  readonly finish: string;
}

const tools = ['kmod', 'libatomic1', 'libstdc++6', 'numactl', 'strace', 'util-linux'];

/** No systemd at all: node's libraries and the tools of tests, unpacked beside busybox. */
const busybox: Root = {
  suite: 'bookworm',
  overlay: 'busybox',
  variant: 'extract',
  packages: ['busybox-static', 'coreutils', ...tools],
  megabytes: 256,
  // what the packages bring wins over busybox's applet of that name
  finish: `
    for applet in $(bin/busybox --list-full); do
      [ -e "$applet" ] || { mkdir -p "$(dirname "$applet")"; ln -s /bin/busybox "$applet"; }
    done
    echo root:x:0:0::/root:/bin/sh >etc/passwd
    echo root:x:0: >etc/group`,
};

/** Releases whose own node is new enough for the package; there a user has it, and npm, from Debian. */
const ownNode: readonly Suite[] = ['trixie', 'forky'];

/** Debian as its release installs it: systemd, libvirt, and AppArmor with its profiles. */
const debian = (suite: Suite): Root => ({
  suite,
  overlay: 'debian',
  variant: 'minbase',
  packages: [
    ...['systemd-sysv', 'udev', 'dbus', 'libpam-systemd', 'login', 'procps', 'iproute2', 'irqbalance', 'apparmor'],
    ...['libvirt-daemon-system', 'libvirt-clients', 'qemu-system-x86'],
    ...(ownNode.includes(suite) ? ['nodejs', 'npm'] : []),
    ...tools,
  ],
  megabytes: 3072,
  // Timers and irqbalance would change the host between two snapshots; a test that wants them starts them.
  // libvirtd is started by the test that wants it: it creates cgroups and takes its time to start.
  finish: `
    sed -i 's/^root:[^:]*:/root::/' etc/shadow
    echo vm >etc/hostname
    : >etc/fstab
    : >etc/machine-id
    systemctl --root="$PWD" enable vm-agent.service
    systemctl --root="$PWD" disable irqbalance.service
    systemctl --root="$PWD" mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \\
      e2scrub_reap.service fstrim.timer logrotate.timer systemd-tmpfiles-clean.timer
    for unit in etc/systemd/system/*.wants/*virt* etc/systemd/system/*.wants/*qemu*; do rm -f "$unit"; done`,
});

const overlays = fileURLToPath(new URL('../guest/', import.meta.url));

export const busyboxRoot = () => image(busybox);
export const debianRoot = (suite: Suite) => image(debian(suite));

/** An ext4 image with that root; guests write to it only through QEMU's snapshot=on. */
async function image(root: Root): Promise<string> {
  const overlay = join(overlays, root.overlay);
  const recipe = { builder: import.meta.url, ingredients: [root, await contents(overlay)] };
  const dir = await cached(`root-${root.overlay}-${root.suite}`, recipe, async (into) => {
    const tree = join(into, 'tree');
    const sources = join(into, 'sources.list');
    await writeFile(sources, await sourceLine(root.suite));
    const apt = [...(await networkOptions()), 'Acquire::Languages "none";'];
    await exec('mmdebstrap', [
      ...['--mode=root', `--variant=${root.variant}`, `--include=${root.packages.join(',')}`],
      ...apt.map((option) => `--aptopt=${option}`),
      ...['doc', 'man', 'locale', 'info'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
      ...['--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr', root.suite, tree, sources],
    ]);
    for (const folder of [
      'vm',
      'opt/node',
      'opt/package',
      'lib/modules',
      'root',
      'run',
      'tmp',
      'proc',
      'sys',
      'dev',
      'usr/local/bin',
    ]) {
      await mkdir(join(tree, folder), { recursive: true });
    }
    await exec('cp', ['-rT', '--no-preserve=ownership', overlay, tree]);
    for (const program of ['node', 'npm', 'npx']) {
      const link = join(tree, 'usr/bin', program);
      if (!existsSync(link)) await symlink(`/opt/node/bin/${program}`, link);
    }
    await exec('sh', ['-euc', root.finish], tree);
    await exec('mke2fs', ['-q', '-t', 'ext4', '-d', tree, join(into, 'root.ext4'), `${root.megabytes}M`]);
    await rm(tree, { recursive: true });
  });
  return join(dir, 'root.ext4');
}

async function contents(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const path of entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()) {
    hash.update(`${path.slice(folder.length)}\n`).update(await readFile(path));
  }
  return hash.digest('hex');
}

import { exec } from './exec.js';
import { program } from './qemu.js';

const needed = [program, 'mmdebstrap', 'mke2fs', 'iasl', 'depmod', 'cpio', 'xz', 'cc'];

/** Why this machine cannot or is not to run guests, or undefined where it can. */
export async function missing(): Promise<string | undefined> {
  if (process.env['VFIO_ISOLATE_VM'] === 'off') return 'VFIO_ISOLATE_VM=off';
  if (process.getuid?.() !== 0) return 'only root can build their images';
  const absent: string[] = [];
  for (const tool of needed) await exec('sh', ['-c', 'command -v "$1"', 'sh', tool]).catch(() => absent.push(tool));
  await exec('test', ['-x', '/bin/busybox']).catch(() => absent.push('busybox'));
  return absent.length > 0 ? `there is no ${absent.join(', ')} (test/vm/install.sh, as root)` : undefined;
}

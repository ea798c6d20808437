/**
 * Which of its two dies an AMD processor with 3D V-Cache on one of them fills first: that of the higher frequency or that
 * of the larger cache (ABI/testing/sysfs-bus-platform-drivers-amd_x3d_vcache, from Linux 6.13 on).
 */
import { realpathSync } from 'node:fs';
import { type Host, listIfThere } from '../host.js';
import { type KernelFile, sameText } from './kernel-file.js';

export const X3D_MODES = ['frequency', 'cache'] as const;

/** The mode files of a host; none without the driver. A driver lists its devices as links: these are resolved. */
export function x3dModeFiles(host: Host): string[] {
  const driver = `${host.sys}/bus/platform/drivers/amd_x3d_vcache`;
  const devices = (listIfThere(host, driver) ?? []).filter((name) => /^AMDI[0-9A-F]+:[0-9a-f]+$/.test(name));
  return devices
    .map((device) => resolved(host, `${driver}/${device}`))
    .filter((directory) => listIfThere(host, directory)?.includes('amd_x3d_mode'))
    .map((directory) => `${directory}/amd_x3d_mode`);
}

/** The directory in sysfs that a link of it leads to. */
function resolved(host: Host, link: string): string {
  return host.sys + realpathSync(link).slice(realpathSync(host.sys).length);
}

export const X3D_FILES: readonly KernelFile[] = [
  {
    root: 'sys',
    pattern: /^devices\/(.+\/)?AMDI[0-9A-F]+:[0-9a-f]+\/amd_x3d_mode$/,
    same: sameText,
  },
];

/** Why a change is refused with EACCES: for want of root, or by the security module that confines root in a hook. */
import { isSystemError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';

/** What to do about it. @param what takes root */
export function remedyForAccess(host: Host, what = 'changing the host needs root', uid = process.geteuid?.()): string {
  const profile = uid === 0 ? confinement(host) : undefined;
  if (profile === undefined) return `${what}: use sudo`;
  return `this process is confined by ${profile}: in a libvirt hook, run /usr/bin/env vfio-isolate`;
}

/** The profile or context of this process, as AppArmor and SELinux name it; undefined if nothing confines it. */
function confinement(host: Host): string | undefined {
  const label = labelOf(host)?.split('\0')[0]?.trim();
  return label === undefined || label === '' || /(^|:)unconfined/.test(label) ? undefined : label;
}

function labelOf(host: Host): string | undefined {
  try {
    return readIfThere(host, `${host.proc}/self/attr/current`);
  } catch (error) {
    // EINVAL: no security module has labels.
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { libvirtDomain } from './libvirt.js';
import { readmeHook } from './readme-hook.js';
import { allowedCpusShow } from './whole-host.js';

/** libvirt leaves controllers enabled that nobody takes back: last, and all of it in one guest. */
export function spoiling(guest: Guest, host: Host): void {
  if (host.hierarchy === 'v2') {
    allowedCpusShow(guest, host);
    readmeHook(guest, host);
  } else {
    libvirtDomain(guest);
  }
}

import type { Guest } from '../guest.js';
import type { Host } from '../host.js';
import { libvirtDomain } from './libvirt.js';
import { allowedCpusShow } from './whole-host.js';

/** What leaves controllers enabled that nobody takes back: last, and for both in one guest. */
export function spoiling(guest: Guest, host: Host): void {
  if (host.hierarchy === 'v2') allowedCpusShow(guest);
  libvirtDomain(guest);
}

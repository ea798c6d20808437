import type { Host } from '../host.js';

/** The id of the present boot (random(4), /proc/sys/kernel/random/boot_id): a record of another one has no meaning. */
export function bootId(host: Host): string {
  return host.read(`${host.proc}/sys/kernel/random/boot_id`).trim();
}

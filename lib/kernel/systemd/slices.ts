/** Transient slices (systemd.slice(5)): they survive a daemon-reload, and nothing of one is left once it is stopped. */
import type { Host } from '../../host.js';
import type { Bitmap } from '../../sets/bitmap.js';
import { callManager } from './bus.js';
import { byteArray } from './properties.js';

/** @throws VfioIsolateError */
export async function startSlice(
  host: Host,
  unit: string,
  cpus: Bitmap | undefined,
  mems: Bitmap | undefined,
): Promise<void> {
  const properties = [
    ['Description', 's', DESCRIPTION],
    ...(cpus === undefined ? [] : [['AllowedCPUs', ...byteArray(cpus)]]),
    ...(mems === undefined ? [] : [['AllowedMemoryNodes', ...byteArray(mems)]]),
  ];
  const count = String(properties.length);
  await callManager(host, 'StartTransientUnit', 'ssa(sv)a(sa(sv))', unit, 'fail', count, ...properties.flat(), '0');
}

/** By which a slice of ours is known. */
export const DESCRIPTION = 'made by vfio-isolate';

/** Has a unit be stopped; what it ran must have gone already. @throws VfioIsolateError */
export async function stopUnit(host: Host, unit: string): Promise<void> {
  await callManager(host, 'StopUnit', 'ss', unit, 'fail');
}

/**
 * systemd, where it owns the cgroups (org.freedesktop.systemd1(5), systemd.resource-control(5)). It is spoken to by its
 * own programs: absolute path, argument vector, time limit, an environment of our own, never a shell.
 */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import type { Bitmap } from '../sets/bitmap.js';

const BUSCTL = '/usr/bin/busctl';
const TIME_LIMIT_MS = 30_000;
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Whether systemd is the init of this host (sd_booted(3)). */
export function systemdIsRunning(host: Host): boolean {
  return statSync(`${host.run}/systemd/system`, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Starts a transient slice; nothing of it is left once it is stopped. @throws VfioIsolateError */
export async function startSlice(unit: string, cpus: Bitmap | undefined, mems: Bitmap | undefined): Promise<void> {
  const properties = [
    ['Description', 's', 'made by vfio-isolate'],
    ...(cpus === undefined ? [] : [['AllowedCPUs', ...byteArray(cpus)]]),
    ...(mems === undefined ? [] : [['AllowedMemoryNodes', ...byteArray(mems)]]),
  ];
  const count = String(properties.length);
  await manager('StartTransientUnit', 'ssa(sv)a(sa(sv))', unit, 'fail', count, ...properties.flat(), '0');
}

/** Stops a unit; what it ran must have gone already. @throws VfioIsolateError */
export async function stopUnit(unit: string): Promise<void> {
  await manager('StopUnit', 'ss', unit, 'fail');
}

/** A CPU or node set as systemd's bus takes it: a little-endian bitmap, as so many bytes. */
function byteArray(set: Bitmap): string[] {
  const bytes = set.toBytes();
  return ['ay', String(bytes.length), ...Array.from(bytes, String)];
}

async function manager(method: string, ...words: string[]): Promise<string> {
  const bus = ['--system', 'call', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1'];
  return execute(BUSCTL, [...bus, 'org.freedesktop.systemd1.Manager', method, ...words]);
}

function execute(program: string, words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIME_LIMIT_MS, killSignal: 'SIGKILL', env: ENVIRONMENT } as const;
    execFile(program, words, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(refused(program, words, error, stderr));
    });
  });
}

function refused(program: string, words: readonly string[], error: Error & { killed?: boolean }, stderr: string) {
  const why = error.killed ? `no answer within ${TIME_LIMIT_MS / 1000} s` : stderr.trim() || error.message;
  return new VfioIsolateError('ERR_STATE', `${program} ${words.slice(5, 9).join(' ')}: ${why}`, {
    remedy: 'see systemctl status and journalctl -b',
    cause: error,
  });
}

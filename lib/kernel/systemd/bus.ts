/**
 * How systemd is spoken to: by its own programs from root's own places, with an argument vector, a time limit, an
 * environment of our own, never a shell (org.freedesktop.systemd1(5), busctl(1), systemctl(1)).
 */
import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { fromNode, isSystemError, VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { findProgram } from './programs.js';

const BUSCTL = 'busctl';
const SYSTEMCTL = 'systemctl';
const TIME_LIMIT_MS = 30_000;
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Whether systemd is the init of this host (sd_booted(3)). */
export function systemdIsRunning(host: Host): boolean {
  return statSync(`${host.run}/systemd/system`, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Calls a method of the manager object. @throws VfioIsolateError `ERR_STATE`, with what systemd says */
export async function callManager(host: Host, method: string, ...words: string[]): Promise<void> {
  await call(host, 'org.freedesktop.systemd1.Manager', method, words);
}

/**
 * Returns once systemd has done all that earlier calls have set off: it empties its queues, the one of cgroups to be
 * realized among them, before it takes another call.
 */
export async function settled(host: Host): Promise<void> {
  await call(host, 'org.freedesktop.DBus.Peer', 'Ping', []);
}

async function call(host: Host, of: string, method: string, words: readonly string[]): Promise<void> {
  requireLive(host);
  // After -- no word is taken for an option, whatever it begins with.
  const bus = ['--system', '--', 'call', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1'];
  await execute(host, findProgram(BUSCTL), [...bus, of, method, ...words], `${method} ${words[1] ?? ''}`.trimEnd());
}

/** What systemd answers of every unit, also of one that it does not know. */
const STATES = ['LoadState', 'ActiveState'];

/**
 * Properties of a unit by name, as `systemctl show` prints them; those that it does not know are absent.
 * @throws VfioIsolateError `ERR_STATE`, also for an answer that says nothing of the unit's state: a unit that runs must not
 *   be taken for one that has ended
 */
export async function showUnit(
  host: Host,
  unit: string,
  properties: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  requireLive(host);
  const words = ['show', `--property=${properties.join(',')}`, '--', unit];
  const program = findProgram(SYSTEMCTL);
  const lines = (await execute(host, program, words, `show ${unit}`)).split('\n');
  const shown = new Map(
    lines.flatMap((line): [string, string][] => {
      const cut = line.indexOf('=');
      return cut < 0 ? [] : [[line.slice(0, cut), line.slice(cut + 1)]];
    }),
  );
  const untold = STATES.find((name) => properties.includes(name) && !/^[a-z-]+$/.test(shown.get(name) ?? ''));
  if (untold !== undefined) throw refused(program, `show ${unit}`, `the answer has no ${untold}`);
  return shown;
}

function requireLive({ live, run }: Host): void {
  if (live) return;
  throw new VfioIsolateError('ERR_STATE', `${run} is not this machine's: there is no systemd that could be asked`);
}

/**
 * In a process group of its own: the terminal's SIGINT is for us, who undo what was asked for; a caller that dies with
 * the call under way would leave nobody to know what became of it.
 */
function execute({ lock, signal }: Host, program: string, words: readonly string[], what: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const stopped = () => new VfioIsolateError('ABORT_ERR', `stopped while waiting for ${program}`);
    if (signal?.aborted) throw stopped();
    // It takes 3 ms to load, which a run that does not speak to systemd need not wait for.
    const { spawn } = process.getBuiltinModule('node:child_process');
    const child = spawn(program, words, {
      env: ENVIRONMENT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', ...(lock === undefined ? [] : [lock])],
    });
    const stop = (because: VfioIsolateError): void => {
      const isRunning = child.exitCode === null && child.signalCode === null;
      giveUp(child);
      // One that hangs in the kernel does not even die of SIGKILL.
      if (isRunning) end(() => reject(because));
    };
    const cancel = () => stop(stopped());
    const late = `no answer within ${TIME_LIMIT_MS / 1000} s`;
    const limit = setTimeout(() => stop(refused(program, what, late)), TIME_LIMIT_MS);
    const end = (settle: () => void): void => {
      clearTimeout(limit);
      signal?.removeEventListener('abort', cancel);
      settle();
    };
    signal?.addEventListener('abort', cancel);
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => end(() => reject(refused(program, what, error.message, error))));
    child.on('close', (status, killed) => {
      const ended = killed === null ? `exit status ${status}` : `killed by ${killed}`;
      end(() => (status === 0 ? resolve(stdout) : reject(refused(program, what, stderr.trim() || ended))));
    });
  });
}

/** Ends the whole group: what the program may have started holds its pipes as well, in a session of its own even after it. */
function giveUp({ pid, stdout, stderr }: ChildProcess): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!isSystemError(fromNode(error), 'ESRCH')) throw error;
  }
  stdout?.destroy();
  stderr?.destroy();
}

function refused(program: string, what: string, why: string, cause?: Error): VfioIsolateError {
  return new VfioIsolateError('ERR_STATE', `${program} ${what}: ${why}`, {
    remedy: 'see systemctl status and journalctl -b',
    cause,
  });
}

/** Writing a kernel file, and what comes of it. */
import { isSystemError, type SystemError, VfioIsolateError } from '../../errors.js';
import type { Host } from '../../host.js';
import { writeFile, writeFileApart } from '../../kernel/door.js';
import { kernelFile } from '../../kernel/files.js';
import type { KernelFile } from '../../kernel/kernel-file.js';
import type { Control } from '../../native.js';
import { endsInTime, LIMIT } from '../apart.js';
import type { Outcome, Refused } from '../step.js';
import type { FileStep } from './shape.js';

/** Writes the file and reads it back. @throws SystemError, VfioIsolateError `ERR_NOT_HELD` */
export function applyFile({ target, to }: FileStep, host: Host): Outcome {
  const file = kernelFile(host, target);
  const nearest = nearestTo(to, file, target, host);
  if (nearest !== undefined) return empty(host, file, target, nearest);
  const refused = write(host, file, target, to);
  if (refused !== undefined) return { changed: 0, refused: [{ what: target, ...refused }] };
  try {
    requireHeld(host, file, target, to);
    return { changed: 1 };
  } catch (error) {
    const lost = expected(file, error);
    if (lost === undefined) throw error;
    return { changed: 0, refused: [{ what: target, ...lost }] };
  }
}

/** Has the kernel do something that may take long. @throws SystemError; VfioIsolateError `ABORT_ERR` */
export async function trigger({ target, to }: FileStep, host: Host, control: Control): Promise<Outcome> {
  try {
    const pid = writeFileApart(host, target, to);
    const call = { syscall: 'write', path: target, value: to };
    if (await endsInTime(pid, { control, call })) return { changed: 1 };
    return { changed: 0, notes: [`the kernel did not finish within ${LIMIT} what ${target} has it do`] };
  } catch (error) {
    throw isSystemError(error) ? explained(error, kernelFile(host, target), host) : error;
  }
}

/** Tasks have their full masks first; whether the file then takes emptiness, or keeps what is equal to it, is the same to them. */
function empty(host: Host, file: KernelFile, target: string, nearest: string): Outcome {
  write(host, file, target, nearest);
  requireHeld(host, file, target, nearest);
  try {
    writeFile(host, target, '\n');
  } catch (error) {
    if (!isSystemError(error, 'ENOSPC')) throw error;
  }
  return { changed: 1 };
}

/** What is equal to emptiness, in a file that the kernel may refuse to empty. */
export function nearestTo(wanted: string, file: KernelFile, target: string, host: Host): string | undefined {
  return wanted === '' ? file.inherited?.(host, target) : undefined;
}

/** Writes, and returns a refusal that was to be expected. */
function write(host: Host, file: KernelFile, target: string, to: string): Omit<Refused, 'what'> | undefined {
  try {
    // An empty write(2) is dropped on the way to the kernel; a lone newline clears a list.
    writeFile(host, target, to === '' ? '\n' : to);
    return undefined;
  } catch (error) {
    const refused = expected(file, error);
    if (refused !== undefined) return refused;
    throw isSystemError(error) ? explained(error, file, host) : error;
  }
}

function expected(file: KernelFile, error: unknown): Omit<Refused, 'what'> | undefined {
  if (!isSystemError(error)) return undefined;
  const reason = file.refusals?.[error.code];
  return reason === undefined ? undefined : { reason: `${error.code}: ${reason}`, code: error.code };
}

export function explained(error: SystemError, file: KernelFile, host: Host): SystemError {
  return error.explained(file.explain?.(error, host) ?? {});
}

function requireHeld(host: Host, file: KernelFile, target: string, to: string): void {
  const held = host.read(target).trim();
  if (!file.same(held, to, target)) {
    throw new VfioIsolateError('ERR_NOT_HELD', `${target} took ${shown(to)} but holds ${shown(held)}`, {
      remedy: 'another program may be writing it: see who manages this host (irqbalance, TuneD, systemd)',
    });
  }
  file.requireEffective?.(host, target);
}

export function shown(text: string): string {
  return text === '' ? '(empty)' : text;
}

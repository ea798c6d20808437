import { expect } from 'vitest';
import { UsageError, VfioIsolateError } from '../../lib/errors.js';

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** The usage error that it throws, whose message must be one printable line. */
export function usageError(act: () => unknown): UsageError {
  const error = thrownBy(act);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as UsageError).message).toMatch(/^[\x20-\x7e]{1,200}$/);
  return error as UsageError;
}

export function errorCode(act: () => unknown): string | undefined {
  const error = thrownBy(act);
  return error instanceof VfioIsolateError ? error.code : undefined;
}

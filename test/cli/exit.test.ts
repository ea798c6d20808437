import { describe, expect, it } from 'vitest';
import { statusOfError, statusOfReport } from '../../lib/cli/exit.js';
import { busy, command, failed, locked, missing, report, stopped, wrong } from './samples.js';

describe('the exit status', () => {
  it.each([
    ['a refused system call', busy, 1],
    ['a state of the host', missing, 1],
    ['a usage error', wrong, 2],
    ['a lock not had', locked, 75],
    ['a fault of ours', new TypeError(), 1],
    ['whatever else was thrown', undefined, 1],
  ])('of %s', (_, error, status) => {
    expect(statusOfError(error, undefined)).toBe(status);
    expect(statusOfReport(report([], { ok: false, ...(error && { error: error as typeof busy }) }), undefined)).toBe(
      status,
    );
  });

  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('of a run that %s stopped', (signal, status) => {
    expect(statusOfError(stopped, signal)).toBe(status);
    expect(statusOfReport(report([], { ok: false, error: stopped }), signal)).toBe(status);
  });

  it('of a run that was done before the signal came', () => {
    expect(statusOfReport(report([command('drop-caches')]), 'SIGINT')).toBe(0);
  });

  it('of a run that a signal stopped, and whose rollback failed', () => {
    expect(statusOfReport({ ...failed, error: stopped, rollbackErrors: [busy] }, 'SIGTERM')).toBe(1);
  });

  it('of a run that failed by itself before a signal came', () => {
    expect(statusOfReport(report([], { ok: false, error: busy }), 'SIGTERM')).toBe(1);
  });

  it('of a usage error that left something behind is not that of one that touched nothing', () => {
    expect(statusOfReport({ ...failed, error: wrong, rollbackErrors: [busy] }, undefined)).toBe(1);
  });
});

import { mkdirSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Host, run } from '../../lib/index.js';
import { hostTree } from '../support/tree.js';

const DEVICE = 'devices/pci0000:00/0000:00:14.3/AMDI0101:00';
const DRIVER = 'bus/platform/drivers/amd_x3d_vcache';

/** As a Ryzen 9 7950X3D has it: the driver's folder holds a link to the device. */
function x3dHost(mode = 'cache'): Host {
  const host = hostTree({
    'proc/sys/kernel/random/boot_id': '11111111-1111-1111-1111-111111111111',
    [`sys/${DEVICE}/amd_x3d_mode`]: mode,
    [`sys/${DRIVER}/bind`]: '',
  });
  symlinkSync(`../../../../${DEVICE}`, `${host.sys}/${DRIVER}/AMDI0101:00`);
  mkdirSync(host.run);
  return host;
}

const x3dMode = (mode: string) => ({ name: 'x3d-mode', parameters: { mode } });
const modeOf = (host: Host) => host.read(`${host.sys}/${DEVICE}/amd_x3d_mode`).trim();

describe('x3d-mode', () => {
  test('is set through the link, and restored', async () => {
    const host = x3dHost();
    const undo = `${host.run}/undo`;
    const report = await run([x3dMode('frequency')], { host, undo });
    expect(report.error).toBeUndefined();
    expect(report.commands[0]?.changes).toMatchObject([
      { kind: 'file', target: `${host.sys}/${DEVICE}/amd_x3d_mode`, from: 'cache', to: 'frequency', changed: 1 },
    ]);
    expect(modeOf(host)).toBe('frequency');
    expect((await run([{ name: 'restore', parameters: { undoFile: undo } }], { host })).error).toBeUndefined();
    expect(modeOf(host)).toBe('cache');
  });

  test('a dry run tells of it and leaves it; what is so already is none', async () => {
    const host = x3dHost();
    const report = await run([x3dMode('frequency'), x3dMode('frequency')], { host, dryRun: true });
    expect(report.commands.map(({ changes }) => changes.length)).toEqual([1, 0]);
    expect(modeOf(host)).toBe('cache');
  });

  test('a host without it is told of what it takes', async () => {
    const report = await run([x3dMode('cache')], { host: hostTree({}), dryRun: true });
    expect(report.error).toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message: 'this host has no amd_x3d_mode',
      remedy: expect.stringContaining('Linux 6.13'),
    });
  });

  test.each(['both', '', undefined])('mode %j is refused', async (mode) => {
    const command = { name: 'x3d-mode', parameters: { mode } };
    const report = await run([command], { host: x3dHost(), dryRun: true });
    expect(report.error?.code).toBe('ERR_USAGE');
  });
});

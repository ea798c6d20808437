import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { VfioIsolateError } from '../../lib/errors.js';
import { addonFiles, loadAddon, native } from '../../lib/native.js';
import { ROOT } from './addon.js';

describe('where the addon is looked for', () => {
  test('an installed package takes the binary of its C library, else one for both', () => {
    expect([...addonFiles('/p', 'arm64', () => 'musl', false)]).toEqual([
      '/p/prebuilds/linux-arm64/vfio-isolate.musl.node',
      '/p/prebuilds/linux-arm64/vfio-isolate.node',
    ]);
  });

  test('a checkout takes what was built there first', () => {
    const files = [...addonFiles('/p', 'x64', () => 'glibc', true)];
    expect(files[0]).toBe('/p/build/Release/vfio_isolate.node');
    expect(files).toHaveLength(3);
  });

  test('it is loaded once', () => {
    expect(native()).toBe(native());
  });
});

describe('a load that fails', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const failure = (files: string[], checkout: boolean): VfioIsolateError => {
    try {
      loadAddon(files, checkout);
    } catch (error) {
      if (error instanceof VfioIsolateError) return error;
      throw error;
    }
    throw new Error('it loaded');
  };

  test('names each file, why it failed, and the remedy, in one line each', () => {
    const broken = join(folder, 'broken.node');
    writeFileSync(broken, 'no binary\n');
    const error = failure(['/nowhere/addon.node', broken], true);
    expect(error.code).toBe('ERR_ADDON');
    expect(error.message).toBe(
      `the native addon cannot be loaded: /nowhere/addon.node: no such file; ${broken}: file too short`,
    );
    expect(error.remedy).toContain('npm run build');
    expect(failure(['/nowhere/addon.node'], false).remedy).toMatch(/x64 and arm64/);
  });
});

test('node-gyp and cmake-js build the same sources: all of them', () => {
  const listed = (file: string): string[] =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(/native\/(\w+\.cc)/g)].map(([, name]) => name ?? '').sort();
  const present = readdirSync(join(ROOT, 'native')).filter((name) => name.endsWith('.cc'));
  expect(listed('binding.gyp')).toEqual(present.sort());
  expect(listed('CMakeLists.txt')).toEqual(present);
});

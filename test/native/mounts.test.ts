import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { notInPlace } from '../support/scratch.js';
import { addon, inChild } from './addon.js';

const CGROUP_SUPER_MAGIC = 0x27e0eb;
const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Where the cgroup mounts of a mountinfo are. */
function mountPoints(...lines: string[]): string[] {
  return mounts(...lines).map(({ mountPoint }) => mountPoint);
}

function mounts(...lines: string[]) {
  const file = join(folder, 'mountinfo');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return addon.cgroupMounts(file);
}

const ROOT = '21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw';

describe('a mountinfo', () => {
  test('names type, root and options; optional fields may be none, one or more', () => {
    const found = mounts(
      ROOT,
      '30 21 0:26 / /nowhere/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755',
      '31 30 0:27 / /nowhere/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate',
      '32 30 0:28 /../a /nowhere/cgroup/cpuset rw shared:9 master:2 - cgroup cgroup rw,cpuset,noprefix,release_agent=/a-b',
      '33 21 0:29 / /nowhere/old rw - cpuset none rw',
      '34 30 0:30 / /nowhere/other rw - cgroupfs none rw',
    );
    expect(found).toEqual([
      { mountPoint: '/nowhere/cgroup/unified', root: '/', type: 0, options: ['rw', 'nsdelegate'] },
      {
        mountPoint: '/nowhere/cgroup/cpuset',
        root: '/../a',
        type: 0,
        options: ['rw', 'cpuset', 'noprefix', 'release_agent=/a-b'],
      },
      { mountPoint: '/nowhere/old', root: '/', type: 0, options: ['rw'] },
    ]);
  });

  test('escapes blanks, newlines and backslashes', () => {
    const [found] = mounts(ROOT, String.raw`30 21 0:26 /\134a /x\040y\011z\012\134040 rw - cgroup2 none rw`);
    expect(found).toMatchObject({ mountPoint: '/x y\tz\n\\040', root: '/\\a' });
    expect(mountPoints(ROOT, String.raw`30 21 0:26 / /x\04 rw - cgroup2 none rw`)).toEqual([String.raw`/x\04`]);
  });

  test('with garbage, cut short, or empty, gives what can be had', () => {
    expect(mountPoints()).toEqual([]);
    expect(
      mountPoints('', 'x', '1', '30 21 0:26 / /a rw - ', '30 21 0:26 / /a rw cgroup2 none rw', `${ROOT} `),
    ).toEqual([]);
    expect(mountPoints(ROOT, 'garbage', '30 21 0:26 / /a rw - cgroup2')).toEqual(['/a']);
    expect(() => addon.cgroupMounts('/nowhere')).toThrow(expect.objectContaining({ code: 'ENOENT', path: '/nowhere' }));
    expect(() => addon.cgroupMounts('/proc')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
  });

  describe('hides what a later mount covers', () => {
    const first = '30 21 0:26 / /cg rw - cgroup2 none rw';

    test('in the same place', () => {
      expect(mountPoints(ROOT, first, '40 30 0:40 / /cg rw - tmpfs none rw')).toEqual([]);
      expect(mounts(ROOT, first, '40 30 0:40 /b /cg rw - cgroup2 none rw')).toMatchObject([{ root: '/b' }]);
    });

    test('above it', () => {
      expect(
        mountPoints(ROOT, '30 21 0:26 / /a/cg rw - cgroup2 none rw', '40 21 0:40 / /a rw - tmpfs none rw'),
      ).toEqual([]);
      expect(
        mountPoints(
          ROOT,
          '30 21 0:26 / /a rw - tmpfs none rw',
          '31 30 0:27 / /a/cg rw - cgroup2 none rw',
          '40 30 0:40 / /a rw - tmpfs none rw',
          '41 40 0:41 / /a/cg2 rw - cgroup2 none rw',
        ),
      ).toEqual(['/a/cg2']);
    });

    test('but not what only begins alike, nor what lies on it, nor by a mount that is hidden itself', () => {
      expect(
        mountPoints(ROOT, '30 21 0:26 / /cg2 rw - cgroup2 none rw', '40 21 0:40 / /cg rw - tmpfs none rw'),
      ).toEqual(['/cg2']);
      expect(
        mountPoints(ROOT, '40 21 0:40 / /cg rw - tmpfs none rw', '30 40 0:26 / /cg/x rw - cgroup2 none rw'),
      ).toEqual(['/cg/x']);
      expect(
        mountPoints(
          ROOT,
          '40 21 0:40 / /a/b rw - tmpfs none rw',
          '41 21 0:41 / /a rw - tmpfs none rw',
          '30 41 0:26 / /a/b/cg rw - cgroup2 none rw',
        ),
      ).toEqual(['/a/b/cg']);
    });

    test('in a chroot, whose root is not listed', () => {
      expect(mountPoints('30 21 0:26 / /cg rw - cgroup2 none rw', '31 21 0:27 / /proc rw - proc none rw')).toEqual([
        '/cg',
      ]);
    });
  });

  test('of a thousand mounts', () => {
    const lines = Array.from(
      { length: 5000 },
      (_, at) => `${100 + at} 21 0:26 / /var/lib/x/${at} rw - overlay none rw`,
    );
    expect(mountPoints(ROOT, ...lines, '30 21 0:26 / /cg rw - cgroup2 none rw')).toEqual(['/cg']);
  });
});

describe.skipIf(notInPlace)(`this host (${notInPlace ?? 'v1'})`, () => {
  test('has its cpuset hierarchy where statfs confirms it', () => {
    const found = addon.cgroupMounts('/proc/self/mountinfo').find(({ options }) => options.includes('cpuset'));
    expect(found).toMatchObject({ mountPoint: '/sys/fs/cgroup/cpuset', root: '/', type: CGROUP_SUPER_MAGIC });
    expect(addon.fileSystemType('/sys/fs/cgroup/cpuset')).toBe(CGROUP_SUPER_MAGIC);
    expect(() => addon.fileSystemType('/nowhere')).toThrow(
      expect.objectContaining({ code: 'ENOENT', syscall: 'statfs' }),
    );
  });

  test('at an unusual place, and hidden again, in a mount namespace of its own', () => {
    const find = `return addon.cgroupMounts('/proc/self/mountinfo').filter((mount) => mount.mountPoint.startsWith(args[0])).map((mount) => [mount.mountPoint, mount.type]);`;
    const there = join(folder, 'a b');
    const mount = 'mkdir -p "$0"; mount -t cgroup -o cpuset none "$0"';
    const inNamespace = (script: string): unknown =>
      inChild(
        find,
        [folder],
        ['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c', `${script}; exec "$@"`, there],
      );
    expect(inNamespace(mount)).toEqual([[there, CGROUP_SUPER_MAGIC]]);
    expect(inNamespace(`${mount}; mount -t tmpfs none "$0"`)).toEqual([]);
  });

  test('its mounts are seen to change, once for each time that they did', () => {
    const look = `
      const { execFileSync } = require('node:child_process');
      const fd = require('node:fs').openSync('/proc/self/mountinfo', 'r');
      const changed = () => addon.mountsHaveChanged(fd);
      const seen = [changed(), changed()];
      for (const [command, ...words] of [
        ['mount', '-t', 'tmpfs', 'none', args[0]],
        ['mount', '-o', 'remount,ro', args[0]],
        ['umount', args[0]],
      ]) {
        execFileSync(command, words);
        seen.push(changed(), changed());
      }
      return seen;`;
    const seen = inChild(look, [folder], ['unshare', '--mount', '--propagation', 'private']);
    expect(seen).toEqual([false, false, true, false, true, false, true, false]);
  });
});

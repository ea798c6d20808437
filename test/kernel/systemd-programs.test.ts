/** Where systemd's programs are looked for, in folders that stand in for root's own places. */
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProgram } from '../../lib/kernel/systemd/programs.js';

const isRoot = process.getuid?.() === 0;
const SOMEBODY = 12345;

describe.skipIf(!isRoot)('a program of systemd (root)', () => {
  let folder: string;
  let places: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-programs-'));
    places = ['usr', 'bin', 'sw'].map((name) => join(folder, name));
    for (const place of places) mkdirSync(place);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const install = (at: number, mode = 0o755): string => {
    const path = `${places[at]}/busctl`;
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, mode);
    return path;
  };
  const find = () => findProgram('busctl', places);

  test('is taken from the first place that has it', () => {
    const last = install(2);
    expect(find()).toBe(last);
    const first = install(0);
    expect(find()).toBe(first);
  });

  test('keeps its name behind links, also in a sticky directory that others may write to', () => {
    const store = join(folder, 'store');
    mkdirSync(join(store, 'systemd'), { recursive: true });
    chmodSync(store, 0o1775);
    writeFileSync(join(store, 'systemd', 'busctl'), '', { mode: 0o555 });
    symlinkSync('store/systemd', join(folder, 'current'));
    symlinkSync('../current/../systemd/busctl', `${places[1]}/busctl`);
    expect(find()).toBe(`${places[1]}/busctl`);
  });

  test('that is nowhere is reported with the places', () => {
    const looked = places.map((place) => `${place}/busctl (not there)`).join(', ');
    expect(find).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED', message: `busctl is not where it was looked for: ${looked}` }),
    );
  });

  test('is looked for in the places of most hosts, of an unmerged /bin and of NixOS', () => {
    const looked = ['/usr/bin', '/bin', '/run/current-system/sw/bin'].map((place) => `${place}/no-such (not there)`);
    expect(() => findProgram('no-such')).toThrow(looked.join(', '));
  });

  const foul: [string, (path: string) => void, (path: string) => string][] = [
    ['is no program', (path) => chmodSync(path, 0o644), () => 'not a program'],
    ['is writable by others', (path) => chmodSync(path, 0o757), (path) => `others may write to ${path}`],
    ['is writable by its group', (path) => chmodSync(path, 0o775), (path) => `others may write to ${path}`],
    ['is of another user', (path) => chownSync(path, SOMEBODY, 0), (path) => `${path} belongs to user ${SOMEBODY}`],
    [
      'lies in a directory that others may write to',
      () => chmodSync(String(places[0]), 0o777),
      () => `others may write to ${places[0]}`,
    ],
    [
      'lies in a directory of another user',
      () => chownSync(String(places[0]), SOMEBODY, 0),
      () => `${places[0]} belongs to user ${SOMEBODY}`,
    ],
    [
      "is another user's link",
      (path) => {
        rmSync(path);
        symlinkSync('/bin/true', path);
        lchownSync(path, SOMEBODY, 0);
      },
      (path) => `${path} belongs to user ${SOMEBODY}`,
    ],
    [
      'is a link without end',
      (path) => {
        rmSync(path);
        symlinkSync(path, path);
      },
      () => 'too many links',
    ],
  ];
  test.each(foul)('that %s is passed over, and named if there is no other', (_what, spoil, reason) => {
    const path = install(0);
    spoil(path);
    expect(find).toThrow(`${path} (${reason(path)})`);
    const other = install(2);
    expect(find()).toBe(other);
  });
});

/** The way to a record: whoever may change a directory or a link of it could put another record in its place. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lchownSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { UndoRecord } from '../../lib/engine/record/record.js';
import type { Host } from '../../lib/host.js';
import { hostTree } from '../support/tree.js';

const NOBODY = 65534;

const notRoot = process.geteuid?.() === 0 ? undefined : 'not root';

let host: Host;
/** A folder of our own. */
let folder: string;
beforeEach(() => {
  host = hostTree({ 'proc/sys/kernel/random/boot_id': 'this boot' });
  folder = `${dirname(host.sys)}/records`;
  mkdirSync(folder);
});

/** A run makes it, and it is found again. */
async function works(path: string): Promise<void> {
  (await UndoRecord.forRun(host, path)).close();
  UndoRecord.toRestore(host, path).close();
}

async function refused(path: string, message: RegExp): Promise<void> {
  const error = expect.objectContaining({ code: 'ERR_RECORD', message: expect.stringMatching(message) });
  expect(() => UndoRecord.find(host, path)).toThrow(error);
  expect(() => UndoRecord.toRestore(host, path)).toThrow(error);
  await expect(UndoRecord.forRun(host, path)).rejects.toEqual(error);
}

describe.skipIf(notRoot)(`is refused (${notRoot ?? 'root'})`, () => {
  beforeEach(() => mkdirSync(`${folder}/real`));

  /** There already, or not yet: the answer that there is none is as good as another record. */
  const refusedEitherWay = async (path: string, message: RegExp) => {
    await refused(path, message);
    expect(readdirSync(`${folder}/real`)).toEqual([]);
    (await UndoRecord.forRun(host, `${folder}/real/undo`)).close();
    await refused(path, message);
  };

  test('through a link in a directory of another user', async () => {
    mkdirSync(`${folder}/bob`);
    symlinkSync(`${folder}/real`, `${folder}/bob/link`);
    chownSync(`${folder}/bob`, NOBODY, NOBODY);
    await refusedEitherWay(`${folder}/bob/link/undo`, /lies below .*\/bob, which others may write to/);
  });

  test('through a link in a directory that others may write to', async () => {
    mkdirSync(`${folder}/all`);
    chmodSync(`${folder}/all`, 0o777);
    symlinkSync('../real', `${folder}/all/link`);
    await refusedEitherWay(`${folder}/all/link/undo`, /lies below .*\/all, which others may write to/);
  });

  test("through another user's link in a sticky directory", async () => {
    mkdirSync(`${folder}/sticky`);
    chmodSync(`${folder}/sticky`, 0o1777);
    symlinkSync(`${folder}/real`, `${folder}/sticky/link`);
    lchownSync(`${folder}/sticky/link`, NOBODY, NOBODY);
    const message = /leads through the link .*\/sticky\/link, which belongs to another user \(uid 65534\)/;
    await refusedEitherWay(`${folder}/sticky/link/undo`, message);
  });

  test("through another user's link that a link of ours leads to", async () => {
    symlinkSync('theirs', `${folder}/ours`);
    symlinkSync('real', `${folder}/theirs`);
    lchownSync(`${folder}/theirs`, NOBODY, NOBODY);
    await refusedEitherWay(`${folder}/ours/undo`, /leads through the link .*\/theirs, /);
  });

  test('through a directory of another user that it leaves again', async () => {
    mkdirSync(`${folder}/bob`);
    chownSync(`${folder}/bob`, NOBODY, NOBODY);
    await refusedEitherWay(`${folder}/bob/../real/undo`, /lies below .*\/bob, /);
  });
});

describe('works', () => {
  test('straight in /tmp', async () => {
    const path = `/tmp/vfio-isolate-test-${process.pid}-way.undo`;
    try {
      await works(path);
    } finally {
      rmSync(path, { force: true });
    }
  });

  test('by a relative path', () => works(relative(process.cwd(), `${folder}/undo`)));

  test('below /var/run, a link to /run', () => {
    expect(UndoRecord.find(host, '/var/run/vfio-isolate-test-nowhere.undo')).toBeUndefined();
  });

  test.skipIf(notRoot)('in a home directory of the user who runs, through a link of theirs', async () => {
    mkdirSync(`${folder}/home/user`, { recursive: true });
    symlinkSync('user', `${folder}/home/link`);
    execFileSync('chown', ['-hR', String(NOBODY), `${folder}/home/user`, `${folder}/home/link`]);
    chmodSync(dirname(host.sys), 0o755);
    process.seteuid?.(NOBODY);
    try {
      await works(`${folder}/home/link/undo`);
    } finally {
      process.seteuid?.(0);
    }
  });

  test('through links of our own, one after the other, absolute and relative', async () => {
    mkdirSync(`${folder}/a/real`, { recursive: true });
    symlinkSync('../a/.//real', `${folder}/a/relative`);
    symlinkSync(`${folder}/a/relative`, `${folder}/absolute`);
    await works(`${folder}/absolute/undo`);
    expect(readdirSync(`${folder}/a/real`)).toEqual(['undo']);
  });

  test('by .. after a link, which leads to the directory above where that leads to', async () => {
    mkdirSync(`${folder}/a/real`, { recursive: true });
    symlinkSync('a/real', `${folder}/link`);
    await works(`${folder}/link/../undo`);
    expect(readdirSync(`${folder}/a`)).toEqual(['real', 'undo']);
  });
});

test('links that lead in a circle are ELOOP', async () => {
  symlinkSync('other', `${folder}/one`);
  symlinkSync('one', `${folder}/other`);
  const error = expect.objectContaining({ code: 'ELOOP', path: `${folder}/one/undo` });
  expect(() => UndoRecord.find(host, `${folder}/one/undo`)).toThrow(error);
  await expect(UndoRecord.forRun(host, `${folder}/one/undo`)).rejects.toEqual(error);
});

test('a directory that is missing is no record, and is to be made before a run', async () => {
  expect(UndoRecord.find(host, `${folder}/no/undo`)).toBeUndefined();
  const error = expect.objectContaining({ code: 'ENOENT', remedy: 'make the directory of the undo record first' });
  await expect(UndoRecord.forRun(host, `${folder}/no/undo`)).rejects.toEqual(error);
});

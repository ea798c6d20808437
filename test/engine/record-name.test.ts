/** A record's name is found again whatever becomes of its way, and nobody but root has a say in what it means. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nameOf } from '../../lib/engine/record/name.js';
import { type Host, run } from '../../lib/index.js';
import { oneInterrupt } from '../support/one-interrupt.js';
import { recordFile } from '../support/record.js';

const NOBODY = 65534;

const notRoot = process.geteuid?.() === 0 ? undefined : 'not root';

describe.skipIf(notRoot)(`a name (${notRoot ?? 'root'})`, () => {
  let host: Host;
  let mask: string;
  /** One whose whole way is root's alone. */
  let folder: string;
  beforeEach(() => {
    ({ host, mask } = oneInterrupt());
    folder = realpathSync(mkdtempSync('/run/vfio-isolate-test-'));
  });
  afterEach(() => {
    process.chdir('/');
    rmSync(folder, { recursive: true });
  });

  const isolate = async (undo: string) => {
    const report = await run([{ name: 'irq-affinity', parameters: { mode: 'mask', cpuSet: 'C4-5' } }], { host, undo });
    expect(report).toMatchObject({ ok: true, record: undo });
    expect(maskOf()).toBe('6-7');
  };
  const restore = (undoFile: string) => run([{ name: 'restore', parameters: { undoFile } }], { host });
  const restored = async (undo: string) => {
    const report = await restore(undo);
    expect(report.error).toBeUndefined();
    expect(report.commands[0]?.changes).toHaveLength(1);
    expect(maskOf()).toBe('4-7');
  };
  const refused = async (undo: string, message: RegExp) => {
    expect((await restore(undo)).error).toMatchObject({ code: 'ERR_RECORD', message: expect.stringMatching(message) });
  };
  const maskOf = () => readFileSync(mask, 'utf8').trim();

  describe('is one with another', () => {
    test('of /run by way of /var/run', () => {
      expect(nameOf('/var/run/x/undo').key).toBe(nameOf('/run/x/undo').key);
    });

    test('through links of root, one after the other, absolute and relative', async () => {
      mkdirSync(`${folder}/a/real`, { recursive: true });
      symlinkSync('../a/.//real', `${folder}/a/relative`);
      symlinkSync(`${folder}/a/relative`, `${folder}/absolute`);
      await isolate(`${folder}/absolute/undo`);
      await restored(`${folder}/a/real/undo`);
    });

    test('with . and .. and // in it, which are taken out as text', async () => {
      await isolate(`${folder}/./no/..//undo`);
      await restored(`${folder}/undo`);
    });

    test('that is relative', async () => {
      process.chdir(folder);
      await isolate('undo');
      process.chdir('/');
      await restored(`${folder}/undo`);
    });
  });

  test('that is relative to another folder is another', async () => {
    for (const name of ['a', 'b']) mkdirSync(`${folder}/${name}`);
    process.chdir(`${folder}/a`);
    await isolate('undo');
    process.chdir(`${folder}/b`);
    await refused('undo', /there is no undo record undo/);
    process.chdir(`${folder}/a`);
    await restored('undo');
  });

  test.each(['', 'a\0b'])('%j is none', async (undo) => {
    await expect(run([{ name: 'drop-caches', parameters: {} }], { host, undo })).rejects.toMatchObject({
      code: 'ERR_USAGE',
    });
  });

  test('may be longer than the name of a file, and than a path', async () => {
    for (const undo of [`${folder}/${'x'.repeat(300)}`, `/${'y/'.repeat(3000)}undo`]) {
      await isolate(undo);
      await restored(undo);
    }
  });

  describe('is found again if its folder', () => {
    let of: string;
    beforeEach(async () => {
      of = `${folder}/of`;
      mkdirSync(`${of}/below`, { recursive: true });
      await isolate(`${of}/below/undo`);
    });

    test('is gone', async () => {
      rmSync(of, { recursive: true });
      await restored(`${of}/below/undo`);
    });

    test.each(['of', 'of/below'])('has become a daemon’s: %s', async (path) => {
      chownSync(`${folder}/${path}`, NOBODY, NOBODY);
      await restored(`${of}/below/undo`);
    });

    test('has become everybody’s', async () => {
      chmodSync(of, 0o777);
      await restored(`${of}/below/undo`);
    });

    test.each([0, NOBODY])('was replaced by a link of user %d', async (uid) => {
      renameSync(of, `${folder}/other`);
      symlinkSync('other', of);
      lchownSync(of, uid, uid);
      await restored(`${of}/below/undo`);
    });

    test('was a link that leads elsewhere now', async () => {
      await restored(`${of}/below/undo`);
      symlinkSync('of', `${folder}/link`);
      await isolate(`${folder}/link/undo`);
      rmSync(`${folder}/link`);
      symlinkSync('nowhere', `${folder}/link`);
      await restored(`${folder}/link/undo`);
    });

    test('was a link that is another user’s now', async () => {
      await restored(`${of}/below/undo`);
      symlinkSync('of', `${folder}/link`);
      await isolate(`${folder}/link/undo`);
      lchownSync(`${folder}/link`, NOBODY, NOBODY);
      await restored(`${folder}/link/undo`);
    });
  });

  test('that means two records which hold something is refused, with both', async () => {
    for (const name of ['a', 'b']) mkdirSync(`${folder}/${name}`);
    await isolate(`${folder}/b/undo`);
    writeFileSync(mask, '4-7\n');
    await isolate(`${folder}/a/undo`);
    rmSync(`${folder}/a`, { recursive: true });
    symlinkSync('b', `${folder}/a`);
    await refused(`${folder}/a/undo`, /means several undo records: \S+\/b\/undo and \S+\/a\/undo/);
    await restored(`${folder}/b/undo`);
    writeFileSync(mask, '6-7\n');
    await restored(`${folder}/a/undo`);
  });

  test.each([
    ['a directory of another user', () => chownSync(`${folder}/bob`, NOBODY, NOBODY)],
    ['a directory that others may write to', () => chmodSync(`${folder}/bob`, 0o777)],
    ['a sticky one', () => chmodSync(`${folder}/bob`, 0o1777)],
  ])('is not read through a link in %s', (_what, give) => {
    mkdirSync(`${folder}/bob/real`, { recursive: true });
    symlinkSync('real', `${folder}/bob/link`);
    give();
    expect(nameOf(`${folder}/bob/link/undo`)).toMatchObject({ key: `${folder}/bob/link/undo`, isOwn: false });
  });

  test('is not read through another user’s link, nor through a circle', () => {
    mkdirSync(`${folder}/real`);
    symlinkSync('real', `${folder}/link`);
    lchownSync(`${folder}/link`, NOBODY, NOBODY);
    expect(nameOf(`${folder}/link/undo`)).toMatchObject({ key: `${folder}/link/undo`, isOwn: false });
    symlinkSync('other', `${folder}/one`);
    symlinkSync('one', `${folder}/other`);
    expect(nameOf(`${folder}/one/undo`).isOwn).toBe(false);
  });

  describe('is blocked by nothing that has its place:', () => {
    const blocks: Record<string, (path: string) => void> = {
      'a file': (path) => writeFileSync(path, 'precious'),
      'a FIFO': (path) => execFileSync('mkfifo', [path]),
      'a directory': (path) => mkdirSync(path),
      'a link': (path) => symlinkSync('/etc/passwd', path),
      'a link to nothing': (path) => symlinkSync('/nowhere', path),
    };
    test.each(Object.entries(blocks))('%s', async (_what, block) => {
      for (const undo of [`${folder}/undo`, `${host.sys}/../undo`]) {
        block(undo);
        const before = lstatSync(undo);
        await isolate(undo);
        await restored(undo);
        expect(lstatSync(undo)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs, size: before.size });
      }
    });
  });

  test('leads to the record for as long as that holds something', async () => {
    const undo = `${folder}/undo`;
    const file = recordFile(undo, host);
    await isolate(undo);
    expect(readlinkSync(undo)).toBe(file);
    expect(existsSync(undo)).toBe(true);
    await restored(undo);
    expect(existsSync(undo)).toBe(false);
    expect((await restore(undo)).commands[0]?.notes).toEqual([
      `nothing to restore: all of ${undo} has been undone already`,
    ]);
    await isolate(undo);
    rmSync(undo);
    await restored(undo);
    // Left of an earlier boot.
    rmSync(file);
    symlinkSync(file, undo);
    await isolate(undo);
    expect(existsSync(undo)).toBe(true);
    await restored(undo);
  });

  test('leads nowhere in a folder that others may write to', async () => {
    chmodSync(folder, 0o1777);
    await isolate(`${folder}/undo`);
    expect(existsSync(`${folder}/undo`)).toBe(false);
    await restored(`${folder}/undo`);
  });

  test('a copy of a record is none, and the message says so', async () => {
    await isolate(`${folder}/undo`);
    copyFileSync(`${folder}/undo`, `${folder}/copy`);
    await refused(`${folder}/copy`, /there is no undo record \S+\/copy \(a file itself is never read, so a copy/);
    copyFileSync(`${folder}/undo`, recordFile(`${folder}/other`, host));
    await refused(`${folder}/other`, /other is a copy of that of \S+\/undo/);
    await restored(`${folder}/undo`);
  });

  test('may be the path of a record in the store', async () => {
    await isolate(`${folder}/undo`);
    await restored(readlinkSync(`${folder}/undo`));
    const undo = `${host.run}/vfio-isolate/mine`;
    await expect(run([{ name: 'drop-caches', parameters: {} }], { host, undo })).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringMatching(/lies where all records are kept/),
    });
  });
});

/** A record that somebody else could have written, or that is no file: refused in one line, and nothing is touched. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { vfioIsolate } from '../support/cli.js';
import { header, recordFile, writeRecord } from '../support/record.js';
import { notInPlace, openScratch, type Scratch } from '../support/scratch.js';
import { snapshot } from '../support/snapshot.js';
import { count } from './figures.js';

const NOBODY = 65534;

/** What is done to the record at a path, and the word by which the refusal is known. */
const ways: Record<string, [spoil: (undo: string) => void, word: RegExp]> = {
  'a symbolic link': [
    (undo) => {
      renameSync(undo, `${undo}-real`);
      symlinkSync(`${undo}-real`, undo);
    },
    /ELOOP/,
  ],
  'a symbolic link to nothing': [
    (undo) => {
      rmSync(undo);
      symlinkSync(`${undo}-nowhere`, undo);
    },
    /ELOOP/,
  ],
  'a hard link': [(undo) => linkSync(undo, `${undo}-other`), /has 2 names/],
  'a FIFO': [
    (undo) => {
      rmSync(undo);
      execFileSync('mkfifo', ['-m', '600', undo]);
    },
    /is not a regular file/,
  ],
  'a directory': [
    (undo) => {
      rmSync(undo);
      mkdirSync(undo);
    },
    /EISDIR/,
  ],
  'a device': [
    (undo) => {
      rmSync(undo);
      execFileSync('mknod', ['-m', '600', undo, 'c', '1', '3']);
    },
    /is not a regular file/,
  ],
  'a foreign owner': [(undo) => chownSync(undo, NOBODY, 0), /belongs to another user/],
  'writable by a group': [(undo) => chmodSync(undo, 0o620), /may be written by others/],
  'writable by all': [(undo) => chmodSync(undo, 0o602), /may be written by others/],
  '100 MB': [(undo) => truncateSync(undo, 100_000_000), /is larger than 64 MiB/],
  'text of another kind': [(undo) => writeFileSync(undo, 'root:x:0:0:root:/root:/bin/sh\n'), /line 1: /],
  'of a newer version': [
    (undo) => writeRecord(undo, header({ version: 2, tool: '9.0.0' })),
    /was written by the newer version 9\.0\.0; restore it with that version/,
  ],
};

describe.skipIf(notInPlace)(`a record that is refused, on the command line (${notInPlace ?? 'v1'})`, () => {
  let scratch: Scratch;
  let undo: string;
  beforeEach(async () => {
    scratch = openScratch();
    undo = `${scratch.folder}/undo`;
    const words = ['-u', undo, 'cpuset-create', `${scratch.name}/guest`];
    expect(await vfioIsolate(...words)).toMatchObject({ status: 0, stderr: '' });
  });

  const refused = async (word: RegExp) => {
    const before = snapshot(scratch.directory);
    for (const words of [
      ['restore', undo],
      ['-u', undo, 'cpuset-create', `${scratch.name}/never`],
      ['-n', '-u', undo, 'cpuset-create', `${scratch.name}/never`],
    ]) {
      const ended = await vfioIsolate(...words);
      expect(ended, words.join(' ')).toMatchObject({ status: 1, stdout: '' });
      expect(ended.stderr).toMatch(word);
      expect(ended.stderr).toMatch(/^vfio-isolate: [^\n]{1,700}\n(vfio-isolate: nothing was changed\n)?$/);
      expect(snapshot(scratch.directory)).toEqual(before);
    }
    count('records that others could have written, or that are none, on the command line', 3);
  };

  test.each(Object.entries(ways))('%s', async (_what, [spoil, word]) => {
    const file = recordFile(undo);
    spoil(file);
    await refused(word);
    for (const path of [file, `${file}-real`, `${file}-other`]) rmSync(path, { recursive: true, force: true });
  });
});

/** Root on a terminal hears that the code which it runs is another user's to change. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { foreignCodeWarning } from '../../lib/cli/foreign-code.js';

const NOBODY = 65534;

describe.skipIf(process.geteuid?.() !== 0)('whose code root runs (as root)', () => {
  let folder: string;
  let home: string;
  let program: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-code-'));
    home = join(folder, 'home');
    program = join(home, 'bin');
    mkdirSync(program, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("root's own is nothing to speak of, in a sticky directory either", () => {
    expect(foreignCodeWarning([program], 0)).toBeUndefined();
  });

  test.each([
    ['belongs to another user', () => chownSync(home, NOBODY, NOBODY)],
    ['may be written by everybody', () => chmodSync(home, 0o777)],
  ])('a directory on the way that %s is named', (_, spoil) => {
    spoil();
    expect(foreignCodeWarning([folder, program], 0)).toContain(`${home};`);
    expect(foreignCodeWarning([program], NOBODY)).toBeUndefined();
  });

  test('one line on a terminal, and none in a hook', () => {
    const name = 'a\u001b[31mhome';
    const [copy, files] = [join(home, name), ['bin', 'dist', 'package.json', 'build/Release/vfio_isolate.node']];
    for (const file of files) cpSync(file, join(copy, file), { recursive: true });
    chownSync(copy, NOBODY, NOBODY);
    const line = `'${process.execPath}' '${copy}/bin/vfio-isolate.js' --help`;
    const [command, ...args] = ['script', '--quiet', '--return', '--command', line, '/dev/null'];
    const shown = spawnSync(command, args, { encoding: 'utf8' }).stdout;
    expect(shown.split('\r\n').filter((each) => each.includes('warning'))).toEqual([
      `vfio-isolate: warning: root runs code that another user may change: ${home}/a\\u001b[31mhome; ` +
        'install node and vfio-isolate as root',
    ]);
    expect(spawnSync('sh', ['-c', line], { encoding: 'utf8' }).stderr).toBe('');
  });
});

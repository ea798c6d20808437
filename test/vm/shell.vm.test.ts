// `npm run vm:shell`, as a person uses it: wait until it is up, try the command, power off.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';

const pool = inject('vm');
const reason = 'missing' in pool ? ` (skipped: ${pool.missing})` : '';

test.skipIf(reason)(`the shell has the package installed, and ends with the guest${reason}`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vfio-isolate-shell-'));
  const project = await greeting(join(folder, 'project'));
  const command = ['--silent', 'run', 'vm:shell', '--', '6.1-v2-small'];
  const shell = spawn('npm', command, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...process.env, TMPDIR: folder, VFIO_ISOLATE_VM_PACKAGE: project },
    // a group of its own, which is ended as one should it not end by itself: its guest may live for a day
    detached: true,
  });
  const ended = new Promise((resolve) => shell.once('exit', resolve));
  let said = '';
  const hears = (wanted: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const listen = () => wanted.test(said) && resolve();
      shell.stdout.on('data', listen);
      shell.once('exit', () => reject(new Error(`the shell ended before it said ${wanted}:\n${said}`)));
      listen();
    });
  shell.stdout.on('data', (data) => {
    said += data;
  });
  shell.stderr.on('data', (data) => {
    said += data;
  });
  try {
    await hears(/^vfio-isolate is installed\r?$/m);
    shell.stdin.write('vfio-isolate\n');
    await hears(/^hello from the package\r?$/m);
    shell.stdin.write('poweroff\n');
    expect(await ended).toBe(0);
    expect(await readdir(folder)).toEqual(['project']);
  } finally {
    if (shell.pid !== undefined && shell.exitCode === null) process.kill(-shell.pid, 'SIGKILL');
    await rm(folder, { recursive: true });
  }
});

/** A package of the same name that is packed at once. */
async function greeting(project: string): Promise<string> {
  await mkdir(project);
  const manifest = { name: 'vfio-isolate', version: '0.0.0', bin: 'greet' };
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(project, 'greet'), '#!/bin/sh\necho hello from the package\n', { mode: 0o755 });
  return project;
}

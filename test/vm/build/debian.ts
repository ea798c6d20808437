import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../exec.js';
import type { KernelVersion } from '../host.js';

export type Suite = 'bookworm' | 'trixie' | 'forky';

/** The release of Debian that each kernel belongs to. */
export const suites: Record<KernelVersion, Suite> = { '6.1': 'bookworm', '6.12': 'trixie', '7.2': 'forky' };

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A source line for the suite, from wherever the machine gets its own Debian packages: no mirror is named here. */
export async function sourceLine(suite: Suite): Promise<string> {
  const format = '$(ORIGIN) $(LABEL) $(COMPONENT) $(RELEASE) $(REPO_URI)';
  const targets = (await exec('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])).split('\n');
  const mirror = targets.map((line) => /^Debian Debian main [a-z]+ (\S+)$/.exec(line)?.[1]).find(Boolean);
  if (!mirror) throw new Error('no Debian mirror among the sources of apt: run "apt-get update" first');
  return `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`;
}

/** A mirror's copy of a release that is still in the making may be weeks old. */
const anyAge = 'Acquire::Check-Valid-Until';

/** The machine's own way out (proxies), for an apt that reads none of the machine's other settings. */
export async function networkOptions(): Promise<string[]> {
  const dump = await exec('apt-config', ['dump', '--format', '%F "%v";%n', 'Acquire']);
  const own = dump.split('\n').filter((line) => /^Acquire::(https?|Check-)/.test(line) && !line.endsWith(' "";'));
  return [...own, `${anyAge} "false";`];
}

/** Downloads the packages that `metapackage` brings in and whose names match, and unpacks them, by an apt with a state of its own. */
export async function unpackDependencies(
  suite: Suite,
  metapackage: string,
  wanted: RegExp,
  scratch: string,
  target: string,
): Promise<void> {
  await mkdir(join(scratch, 'lists/partial'), { recursive: true });
  await mkdir(join(scratch, 'cache/archives/partial'), { recursive: true });
  await writeFile(join(scratch, 'sources.list'), await sourceLine(suite));
  const own = {
    'Dir::Etc::sourcelist': join(scratch, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(scratch, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(scratch, 'cache'),
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
    [anyAge]: 'false',
  };
  const options = Object.entries(own).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await exec('apt-get', [...options, '-q', 'update']);
  const dependencies = await exec('apt-cache', [...options, 'depends', '--recurse', '--important', metapackage]);
  const names = dependencies.split('\n').filter((line) => wanted.test(line));
  if (names.length === 0) throw new Error(`${metapackage} of ${suite} depends on no ${wanted}`);
  await exec('apt-get', [...options, '-q', 'download', ...names], scratch);
  await exec('sh', ['-c', 'for package in ./*.deb; do dpkg -x "$package" "$1"; done', 'sh', target], scratch);
}

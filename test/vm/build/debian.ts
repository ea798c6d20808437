import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../exec.js';

export type Suite = 'bookworm' | 'trixie';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** A source line for the suite, from wherever the machine gets its own Debian packages: no mirror is named here. */
export async function sourceLine(suite: Suite): Promise<string> {
  const format = '$(ORIGIN) $(LABEL) $(COMPONENT) $(RELEASE) $(REPO_URI)';
  const targets = (await exec('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])).split('\n');
  const mirror = targets.map((line) => /^Debian Debian main [a-z]+ (\S+)$/.exec(line)?.[1]).find(Boolean);
  if (!mirror) throw new Error('no Debian mirror among the sources of apt: run "apt-get update" first');
  return `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`;
}

/** The machine's own way out (proxies, date checks), for an apt that reads none of the machine's other settings. */
export async function networkOptions(): Promise<string[]> {
  const dump = await exec('apt-config', ['dump', '--format', '%F "%v";%n', 'Acquire']);
  return dump.split('\n').filter((line) => /^Acquire::(https?|Check-)/.test(line) && !line.endsWith(' "";'));
}

/** Downloads the package that `metapackage` stands for in the suite and unpacks it, by an apt with a state of its own. */
export async function unpackDependency(
  suite: Suite,
  metapackage: string,
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
  };
  const options = Object.entries(own).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await exec('apt-get', [...options, '-q', 'update']);
  const dependencies = await exec('apt-cache', [...options, 'depends', metapackage]);
  const name = /Depends: (\S+)/.exec(dependencies)?.[1];
  if (!name) throw new Error(`${metapackage} of ${suite} depends on nothing`);
  await exec('apt-get', [...options, '-q', 'download', name], scratch);
  await exec('sh', ['-c', 'dpkg -x ./*.deb "$1"', 'sh', target], scratch);
}

/**
 * Part of `npm pack`: puts the stripped binary of this machine's architecture and C library into prebuilds/. With `arm64`
 * after it, that of another architecture, by Debian's cross compiler (g++-aarch64-linux-gnu).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { program, root, run } from './cmake.js';
import { nodeDirectory } from './node-headers.js';

/** Symbols that node 20's own binary needs: what asks for no more loads wherever that runs. */
const NEWEST = { GLIBC: '2.28', GLIBCXX: '3.4.21' };

/** Prefix of the cross compiler's programs, by Node's names of architectures. */
const CROSS = { arm64: 'aarch64-linux-gnu-', x64: 'x86_64-linux-gnu-' };

const arch = process.argv[2] ?? process.arch;
const prefix = arch === process.arch ? '' : CROSS[arch];
if (prefix === undefined) {
  process.stderr.write(`no cross compiler is known for ${arch}: name one of ${Object.keys(CROSS).join(', ')}\n`);
  process.exit(2);
}

function isNewer(version, than) {
  return version.localeCompare(than, 'en', { numeric: true }) > 0;
}

/** The symbol versions that a binary asks for beyond those. */
function tooNew(file) {
  const symbols = execFileSync(`${prefix}objdump`, ['-T', file], { encoding: 'utf8' });
  return [...symbols.matchAll(/\b(GLIBC|GLIBCXX)_([\d.]+)\)?\s+(\S+)/g)]
    .filter(([, library, version]) => isNewer(version, NEWEST[library]))
    .map(([, library, version, symbol]) => `${symbol} (${library}_${version})`);
}

const options = ['--napi', '--strip', '--strip-bin', `${prefix}strip`, '--tag-libc', '--arch', arch];
// Without a version prebuildify would fetch some Node's headers; Node-API's are the same for all.
options.push('-t', process.versions.node);
const headers = nodeDirectory ? { npm_config_nodedir: nodeDirectory } : {};
const compilers = prefix === '' ? {} : { CC: `${prefix}gcc`, CXX: `${prefix}g++` };
run(process.execPath, [program('prebuildify', 'bin.js'), ...options], { ...headers, ...compilers });
// prebuildify has moved the checkout's own binary away.
run(process.execPath, ['native/build.js']);

const folder = `${root}/prebuilds/${process.platform}-${arch}`;
/** Bytes of a stripped binary: more than this is something that somebody linked in by mistake. */
const LARGEST = 150 * 1024;
const large = readdirSync(folder).filter((name) => statSync(`${folder}/${name}`).size > LARGEST);
if (large.length > 0) {
  process.stderr.write(`larger than ${LARGEST} bytes: ${large.join(', ')}\n`);
  process.exit(1);
}

const offending = readdirSync(folder).flatMap((name) => tooNew(`${folder}/${name}`));
if (offending.length > 0) {
  process.stderr.write(`the binary needs symbols that older systems lack: ${offending.join(', ')}\n`);
  process.exit(1);
}

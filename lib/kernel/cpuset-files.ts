/** The files of a cpuset that this tool writes to (cpuset(7), cgroup-v1/cpusets.rst, cgroup-v2.rst). */
import type { SystemError } from '../errors.js';
import { type Host, readIfThere } from '../host.js';
import type { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { childrenOf, parentOf } from './cpuset.js';
import { inheritedList, listAt, requireEffective } from './cpuset-v2.js';
import { type HeldBelow, type KernelFile, sameList, sameText } from './kernel-file.js';
import { findCpusets } from './mounts.js';
import { readTopology } from './topology.js';

export const CPUSET_FILES: readonly KernelFile[] = [
  {
    root: 'cgroup',
    pattern: /^(.+\/)?(cpuset\.)?(cpus|mems)$/s,
    same: sameList,
    overwritesMasks: true,
    explain: explainList,
    // A cpuset of version 2 that holds tasks takes no empty list any more (ENOSPC).
    inherited(host, path) {
      const at = listAt(host, path);
      return at && inheritedList(host, findCpusets(host), at.directory, at.list).toString();
    },
    attainable: (host, path, text) => (isV1Cpus(host, path) ? onlineOf(host, text) : text),
    heldBelow,
    barriers,
    mayHaveShrunk: (host, path, present, given) =>
      isV1Cpus(host, path) && parseList(present, path).isSubsetOf(parseList(given)) && !sameList(present, given, path),
    requireEffective(host, path) {
      const at = listAt(host, path);
      if (at) requireEffective(host, findCpusets(host), at.directory, at.list);
    },
  },
  {
    root: 'cgroup',
    pattern:
      /^(.+\/)?(cpuset\.)?((cpu|mem)_exclusive|mem_hardwall|memory_migrate|memory_spread_(page|slab)|sched_load_balance|sched_relax_domain_level)$/s,
    same: sameText,
    explain: explainFlag,
  },
  { root: 'cgroup', pattern: /^.+\/(notify_on_release|cgroup\.clone_children)$/s, same: sameText },
];

const isV1Cpus = (host: Host, path: string) => path.endsWith('cpus') && findCpusets(host).version === 1;

/** Of version 1, where the same list of each cpuset below has to be part of it. */
function heldBelow(host: Host, path: string): HeldBelow | undefined {
  if (findCpusets(host).version !== 1) return undefined;
  const file = path.slice(path.lastIndexOf('/'));
  const lists = childrenOf(host, parentOf(path)).map((child) => readList(host, child + file));
  if (lists.length === 0) return undefined;
  return {
    keepsFrom: (wanted) => lists.some((below) => !below.isSubsetOf(parseList(wanted))),
    // The cpuset above it has both: it has been that wide, or is widened first.
    between: (a, b) => parseList(a).union(parseList(b)).toString(),
  };
}

/** The cpuset beside one that has some of a list, where either of them is exclusive. */
function barriers(host: Host, path: string): (wanted: string) => string | undefined {
  if (findCpusets(host).version !== 1) return () => undefined;
  const [own, file] = [parentOf(path), path.slice(path.lastIndexOf('/'))];
  const isExclusive = (cpuset: string) => readIfThere(host, cpuset + file.replace(/s$/, '_exclusive')) === '1';
  const alone = isExclusive(own);
  const beside = childrenOf(host, parentOf(own))
    .filter((other) => other !== own && (alone || isExclusive(other)))
    .map((other) => ({ other, list: readList(host, other + file) }));
  return (wanted) => beside.find(({ list }) => list.overlaps(parseList(wanted)))?.other;
}

const readList = (host: Host, path: string): Bitmap => parseList(readIfThere(host, path) ?? '', path);

/** None of a list where none is online: that is refused, and said so. */
function onlineOf(host: Host, text: string): string {
  const online = parseList(text).intersect(readTopology(host).online);
  return online.isEmpty ? text : online.toString();
}

function explainList(error: SystemError, host: Host): { reason?: string; remedy?: string } {
  const path = error.path ?? '';
  const kind = path.endsWith('cpus') ? 'CPUs' : 'memory nodes';
  const parent = readIfThere(host, `${parentOf(parentOf(path))}/${path.slice(path.lastIndexOf('/') + 1)}`);
  switch (error.code) {
    case 'EACCES':
      return {
        reason:
          parent === undefined ? 'the root cpuset cannot be changed' : `its parent has only the ${kind} ${parent}`,
        remedy: parent === undefined ? 'create a cpuset and move the tasks there' : 'widen the parent first',
      };
    case 'EBUSY':
      return { reason: `a cpuset below it still uses ${kind} that it would lose`, remedy: 'shrink those below first' };
    case 'EINVAL':
      return {
        reason: `the ${kind} overlap an exclusive sibling's, or are not online`,
        remedy: 'see cpuset(7), "Exclusive cpusets"',
      };
    case 'ENOSPC':
      return { reason: `it holds tasks, which would be left without ${kind}`, remedy: 'move its tasks away first' };
    default:
      return {};
  }
}

function explainFlag(error: SystemError): { reason?: string; remedy?: string } {
  switch (error.code) {
    case 'EACCES':
      return { reason: 'its parent must be exclusive too', remedy: 'set the flag on the parent first' };
    case 'EINVAL':
      return { reason: 'it overlaps a sibling', remedy: 'see cpuset(7), "Exclusive cpusets"' };
    case 'EBUSY':
      return { reason: 'a cpuset below it is exclusive', remedy: 'clear the flag below first' };
    default:
      return {};
  }
}

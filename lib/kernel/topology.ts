/**
 * Which CPUs and NUMA nodes a host has (admin-guide/cputopology.rst, ABI/stable/sysfs-devices-node), and what a word
 * such as `C0-3` or `N1` of the command line means on it.
 */
import { UsageError } from '../errors.js';
import { type Host, listIfThere, readIfThere } from '../host.js';
import { Bitmap } from '../sets/bitmap.js';
import { parseList } from '../sets/list.js';
import { parseMask } from '../sets/mask.js';
import { quote } from '../sets/text.js';
import { parseToken, selectToken } from '../sets/token.js';

export interface Topology {
  /** CPUs that are scheduled on. */
  readonly online: Bitmap;
  /** CPUs that are there, online or not: those that exist. Their numbers may have gaps. */
  readonly present: Bitmap;
  /** CPUs that could be plugged in while this kernel runs; often more than are there. */
  readonly possible: Bitmap;
  readonly nodes: NodeTopology;
}

export interface NodeTopology {
  /** Nodes that are there: those that exist. Their numbers may have gaps. */
  readonly online: Bitmap;
  readonly possible: Bitmap;
  /** Nodes with memory; some have only CPUs. */
  readonly memory: Bitmap;
  /** The online CPUs of each node that exists; none for a node of memory alone. */
  readonly cpus: ReadonlyMap<number, Bitmap>;
}

/**
 * Reads the host's CPUs from sysfs, and, once it is asked for them, its nodes and the CPUs that are possible. A kernel
 * without CONFIG_NUMA has no node directory: then there is one node, 0, with all online CPUs and all memory.
 * @throws SystemError where there is no sysfs; VfioIsolateError where a file of it does not hold what is documented, also
 *   when it is asked
 */
export function readTopology(host: Host): Topology {
  const directory = `${host.sys}/devices/system/cpu`;
  const present = readSet(host, `${directory}/present`) ?? numbered(host.list(directory), 'cpu');
  const online = readSet(host, `${directory}/online`) ?? withoutOffline(host, directory, present);
  let possible: Bitmap | undefined;
  let nodes: NodeTopology | undefined;
  return {
    online,
    present,
    get possible() {
      possible ??= readSet(host, `${directory}/possible`) ?? present;
      return possible;
    },
    get nodes() {
      nodes ??= readNodes(host, online);
      return nodes;
    },
  };
}

/** The CPUs of isolcpus=: the kernel lets only those tasks run there that are set to them. No other isolation is in it. */
export function isolatedAtBoot(host: Host): Bitmap {
  return readSet(host, `${host.sys}/devices/system/cpu/isolated`) ?? Bitmap.empty;
}

/**
 * The CPUs that `C<list|mask>` or `N<list|mask>` means on this host; never the empty set. `Call` is every online CPU; one
 * that is offline may be named, and the caller finds it missing from `topology.online`. `N` takes the CPUs that sysfs
 * lists for the nodes.
 * @throws UsageError for a word that cannot be read, an empty set, or a CPU or node that does not exist
 */
export function resolveCpus(word: string, topology: Topology): Bitmap {
  const token = parseToken(word);
  const { online, present } = topology;
  if (token.unit === 'cpus') return selectToken(token, { noun: 'CPU', existing: present, all: online });
  const { nodes } = topology;
  const selected = selectToken(token, { noun: 'node', existing: nodes.online, all: nodes.online });
  const cpus = cpusOf(selected, nodes);
  if (cpus.isEmpty) {
    throw new UsageError(`there are no CPUs on node ${selected}; nodes with CPUs: ${nodesWithCpus(nodes)}`);
  }
  return cpus;
}

/**
 * The memory nodes that `N<list|mask>` means on this host; never the empty set. `Nall` is every node with memory.
 * @throws UsageError for a word that cannot be read or names CPUs, an empty set, or a node that does not exist or has no
 * memory, which the kernel takes for a cpuset on v2 alone, and to no effect
 */
export function resolveNodes(word: string, topology: Topology): Bitmap {
  const token = parseToken(word);
  if (token.unit !== 'nodes') {
    throw new UsageError(`${quote(word)} names CPUs, not memory nodes`, {
      remedy: 'write N and the nodes, such as N0',
    });
  }
  const { online, memory } = topology.nodes;
  const selected = selectToken(token, { noun: 'node', existing: online, all: memory });
  const bare = selected.minus(memory);
  if (!bare.isEmpty) throw new UsageError(`there is no memory on node ${bare}; nodes with memory: ${memory}`);
  return selected;
}

function readNodes(host: Host, onlineCpus: Bitmap): NodeTopology {
  const directory = `${host.sys}/devices/system/node`;
  const names = listIfThere(host, directory);
  if (names === undefined) return singleNode(onlineCpus);
  const online = readSet(host, `${directory}/online`) ?? numbered(names, 'node');
  const cpus = Array.from(online, (node) => [node, readCpusOf(host, `${directory}/node${node}`)] as const);
  return {
    online,
    possible: readSet(host, `${directory}/possible`) ?? online,
    memory: readSet(host, `${directory}/has_memory`) ?? online,
    cpus: new Map(cpus),
  };
}

function singleNode(cpus: Bitmap): NodeTopology {
  const only = Bitmap.of([0]);
  return { online: only, possible: only, memory: only, cpus: new Map([[0, cpus]]) };
}

/** Old kernels, and captured trees, have the mask alone. */
function readCpusOf(host: Host, node: string): Bitmap {
  const list = readSet(host, `${node}/cpulist`);
  return list ?? parseMask(readIfThere(host, `${node}/cpumap`) ?? '', `${node}/cpumap`);
}

function readSet(host: Host, path: string): Bitmap | undefined {
  const text = readIfThere(host, path);
  return text === undefined ? undefined : parseList(text, path);
}

/** The numbers in directory names such as `cpu12`. */
function numbered(names: readonly string[], prefix: string): Bitmap {
  const numbers = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return Bitmap.of(numbers.filter((digits) => /^[0-9]+$/.test(digits)).map(Number));
}

/** A CPU that cannot be taken offline has no `online` file. */
function withoutOffline(host: Host, directory: string, present: Bitmap): Bitmap {
  const offline = [...present].filter((cpu) => readIfThere(host, `${directory}/cpu${cpu}/online`) === '0');
  return present.minus(Bitmap.of(offline));
}

function cpusOf(nodes: Bitmap, { cpus }: NodeTopology): Bitmap {
  return [...nodes].reduce((all, node) => all.union(cpus.get(node) ?? Bitmap.empty), Bitmap.empty);
}

function nodesWithCpus({ cpus }: NodeTopology): Bitmap {
  return Bitmap.of([...cpus].filter(([, set]) => !set.isEmpty).map(([node]) => node));
}

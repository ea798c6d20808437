/** Topologies that no captured tree has, or that the project must have where those are missing. */
import type { Host } from '../../lib/host.js';
import { hostWith } from './tree.js';

interface Shape {
  readonly online: string;
  readonly present?: string;
  readonly possible?: string;
  /** CPUs by node; none for a kernel without CONFIG_NUMA. */
  readonly nodes?: Readonly<Record<number, string>>;
  readonly possibleNodes?: string;
  readonly memory?: string;
}

export function hostOf({ online, present = online, possible = present, nodes, possibleNodes, memory }: Shape): Host {
  const cpu = 'devices/system/cpu';
  const node = 'devices/system/node';
  const numbers = Object.keys(nodes ?? {}).join(',');
  return hostWith({
    [`${cpu}/online`]: `${online}\n`,
    [`${cpu}/present`]: `${present}\n`,
    [`${cpu}/possible`]: `${possible}\n`,
    ...(nodes && { [`${node}/online`]: `${numbers}\n`, [`${node}/possible`]: `${possibleNodes ?? numbers}\n` }),
    ...(memory && { [`${node}/has_memory`]: `${memory}\n` }),
    ...Object.fromEntries(Object.entries(nodes ?? {}).map(([n, cpus]) => [`${node}/node${n}/cpulist`, `${cpus}\n`])),
  });
}

/** Sockets numbered with gaps, of which some CPUs are offline and more could be plugged in; node 1 was taken out. */
export const sparseAndOffline = hostOf({
  online: '0-2,8-9,11',
  present: '0-3,8-11',
  possible: '0-15',
  nodes: { 0: '0-2', 2: '8-9,11' },
  possibleNodes: '0-3',
  memory: '0,2',
});

export const withoutNuma = hostOf({ online: '0-2', present: '0-3' });

/** Two sockets, and an expander card that is a node of memory alone. */
export const withMemoryOnlyNode = hostOf({ online: '0-7', nodes: { 0: '0-3', 1: '4-7', 2: '' }, memory: '0-2' });

/** As on a Threadripper 2990WX: of four dies, two have no memory of their own. */
export const withMemorylessNodes = hostOf({
  online: '0-15',
  nodes: { 0: '0-3', 1: '4-7', 2: '8-11', 3: '12-15' },
  memory: '0,2',
});

/** Nodes of 64 CPUs each. */
export function withManyCpus(count: number): Host {
  const starts = Array.from({ length: count / 64 }, (_, node) => node * 64);
  return hostOf({
    online: `0-${count - 1}`,
    nodes: Object.fromEntries(starts.map((start, node) => [node, `${start}-${start + 63}`])),
    memory: `0-${starts.length - 1}`,
  });
}

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openHost } from '../../lib/host.js';
import { readTopology, resolveCpus, resolveNodes, type Topology } from '../../lib/kernel/topology.js';
import { errorCode, usageError } from '../sets/errors.js';
import { archiveOf, unpack } from '../trees/captured.js';
import {
  hostOf,
  sparseAndOffline,
  withManyCpus,
  withMemorylessNodes,
  withMemoryOnlyNode,
  withoutNuma,
} from '../trees/hosts.js';
import { hostWith } from '../trees/tree.js';

const text = (topology: Topology) => ({
  online: `${topology.online}`,
  present: `${topology.present}`,
  possible: `${topology.possible}`,
  nodes: `${topology.nodes.online}`,
  possibleNodes: `${topology.nodes.possible}`,
  memory: `${topology.nodes.memory}`,
  cpus: Array.from(topology.nodes.cpus, ([node, cpus]) => `${node}: ${cpus}`),
});

const cpusOn = (topology: Topology) => (word: string) => `${resolveCpus(word, topology)}`;
const nodesOn = (topology: Topology) => (word: string) => `${resolveNodes(word, topology)}`;

describe('captured machines', () => {
  /** Reads a tree, whose root is a folder of its own. */
  function captured(archive: string): Topology {
    const directory = mkdtempSync(join(tmpdir(), 'vfio-isolate-topology-'));
    try {
      // All of it, before it is gone.
      return { ...readTopology(openHost({ sys: join(unpack(archive, directory), 'sys') })) };
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  function machine(name: string, check: (topology: Topology) => void): void {
    const archive = archiveOf(name);
    test.skipIf(archive === undefined)(name, () => check(captured(archive ?? '')));
  }

  machine('48amd64-4pa2n6c-sparse', (topology) => {
    expect(text(topology)).toMatchObject({ online: '0-47', nodes: '0-2,33-34,45,72-73' });
    expect(cpusOn(topology)('N33,72-73')).toBe('18-23,36-47');
    expect(nodesOn(topology)('N45')).toBe('45');
    expect(usageError(() => resolveCpus('N3', topology)).message).toBe(
      'node 3 does not exist; this host has 0-2,33-34,45,72-73',
    );
  });

  machine('16amd64-8n2c-cpusets', (topology) => {
    expect(text(topology)).toMatchObject({ online: '0-3,5-15', present: '0-15', possible: '0-15', nodes: '0-7' });
    expect(cpusOn(topology)('Call')).toBe('0-3,5-15');
    expect(cpusOn(topology)('C4-5')).toBe('4-5');
  });

  machine('16em64t-4s2c2t-offlines', (topology) => {
    expect(text(topology)).toMatchObject({ online: '0-1,3-4,6-12,15', present: '0-15', possible: '0-15', nodes: '0' });
    expect(cpusOn(topology)('Call')).toBe('0-1,3-4,6-12,15');
    expect(cpusOn(topology)('C2')).toBe('2');
  });

  machine('256ia64-64n2s2c', (topology) => {
    expect(text(topology)).toMatchObject({ online: '0-255', nodes: '0-63', memory: '0-63' });
    expect(cpusOn(topology)('N0,63')).toBe('0-3,252-255');
    expect(cpusOn(topology)('N80000000,00000001')).toBe('0-3,252-255');
    expect(cpusOn(topology)('NN')).toBe('252-255');
  });

  machine('20em64t-hybrid-1p6c2t+2ca4co1t', (topology) => {
    expect(text(topology)).toMatchObject({ online: '0-19', nodes: '0', memory: '0', cpus: ['0: 0-19'] });
    expect(cpusOn(topology)('C0-11:2')).toBe('0,2,4,6,8,10');
  });

  machine('128arm-2pa2n8cluster4co', (topology) => {
    expect(text(topology)).toMatchObject({ online: '0-127', nodes: '0-3', memory: '0-3' });
    expect(cpusOn(topology)('N3')).toBe('96-127');
  });

  machine('32amd64-4s2n4c-cgroup2', (topology) => {
    expect(text(topology)).toMatchObject({ online: '0-31', present: '0-31', possible: '0-47' });
    expect(cpusOn(topology)('C30-N')).toBe('30-31');
    expect(usageError(() => resolveCpus('C40', topology)).message).toBe('CPU 40 does not exist; this host has 0-31');
  });
});

describe('a host with gaps in its numbers, offline CPUs and room for more', () => {
  const topology = readTopology(sparseAndOffline);

  test('is read', () => {
    expect(text(topology)).toEqual({
      online: '0-2,8-9,11',
      present: '0-3,8-11',
      possible: '0-15',
      nodes: '0,2',
      possibleNodes: '0-3',
      memory: '0,2',
      cpus: ['0: 0-2', '2: 8-9,11'],
    });
  });

  test('an offline CPU exists, and is missing from those online', () => {
    expect(cpusOn(topology)('C3,10')).toBe('3,10');
    expect(`${resolveCpus('C3,8', topology).minus(topology.online)}`).toBe('3');
  });

  test('all is what is online', () => {
    expect(cpusOn(topology)('Call')).toBe('0-2,8-9,11');
    expect(cpusOn(topology)('Nall')).toBe('0-2,8-9,11');
    expect(cpusOn(topology)('CN')).toBe('11');
  });

  test.each([
    ['C4', 'CPU 4 does not exist; this host has 0-3,8-11'],
    ['C0-11', 'CPU 4 of "0-11" does not exist; this host has 0-3,8-11'],
    ['C12', 'CPU 12 does not exist; this host has 0-3,8-11'],
    ['C00000010', 'CPU 4 of "00000010" does not exist; this host has 0-3,8-11'],
    ['N1', 'node 1 does not exist; this host has 0,2'],
    ['N0-2', 'node 1 of "0-2" does not exist; this host has 0,2'],
    ['N3', 'node 3 does not exist; this host has 0,2'],
  ])('%s', (word, message) => {
    expect(usageError(() => resolveCpus(word, topology)).message).toBe(message);
  });
});

describe('a kernel without CONFIG_NUMA', () => {
  const topology = readTopology(withoutNuma);

  test('has one node with all that is online, and all memory', () => {
    expect(text(topology)).toEqual({
      online: '0-2',
      present: '0-3',
      possible: '0-3',
      nodes: '0',
      possibleNodes: '0',
      memory: '0',
      cpus: ['0: 0-2'],
    });
    expect(cpusOn(topology)('N0')).toBe('0-2');
    expect(nodesOn(topology)('N0')).toBe('0');
    expect(nodesOn(topology)('Nall')).toBe('0');
  });

  test('has no second one', () => {
    expect(usageError(() => resolveNodes('N1', topology)).message).toBe('node 1 does not exist; this host has 0');
  });
});

describe('a node of memory alone', () => {
  const topology = readTopology(withMemoryOnlyNode);

  test('serves memory, and CPUs beside another', () => {
    expect(nodesOn(topology)('N2')).toBe('2');
    expect(cpusOn(topology)('N1-2')).toBe('4-7');
  });

  test('has no CPUs to give', () => {
    expect(usageError(() => resolveCpus('N2', topology)).message).toBe(
      'there are no CPUs on node 2; nodes with CPUs: 0-1',
    );
  });
});

describe('a node without memory', () => {
  const topology = readTopology(withMemorylessNodes);

  test('serves CPUs', () => {
    expect(cpusOn(topology)('N1')).toBe('4-7');
  });

  test.each(['N1', 'N0-1', 'N00000003'])('has no memory to give: %s', (word) => {
    expect(usageError(() => resolveNodes(word, topology)).message).toBe(
      'there is no memory on node 1; nodes with memory: 0,2',
    );
  });

  test('is not meant by all memory', () => {
    expect(nodesOn(topology)('Nall')).toBe('0,2');
  });
});

describe('many CPUs', () => {
  test.each([1152, 8192, 16384])('%i', (count) => {
    const topology = readTopology(withManyCpus(count));
    expect(topology.online.size).toBe(count);
    expect(cpusOn(topology)('CN')).toBe(`${count - 1}`);
    expect(cpusOn(topology)('C1000-1100')).toBe('1000-1100');
    expect(cpusOn(topology)('N16-17')).toBe('1024-1151');
    expect(resolveCpus('C0-N:2', topology).size).toBe(count / 2);
    expect(usageError(() => resolveCpus(`C${count}`, topology)).message).toBe(
      `CPU ${count} does not exist; this host has 0-${count - 1}`,
    );
  });

  test('ask for four thousand million, and be told at once', () => {
    const topology = readTopology(withManyCpus(1152));
    const before = process.memoryUsage().arrayBuffers;
    usageError(() => resolveCpus('C0-4294967295', topology));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });
});

test('memory takes nodes only', () => {
  const topology = readTopology(withMemoryOnlyNode);
  const error = usageError(() => resolveNodes('C0', topology));
  expect(error.message).toBe('"C0" names CPUs, not memory nodes');
  expect(error.remedy).toBe('write N and the nodes, such as N0');
});

test('CPUs and nodes are counted by their directories where no file lists them', () => {
  const topology = readTopology(
    hostWith({
      'devices/system/cpu/cpu0/topology/core_id': '0\n',
      'devices/system/cpu/cpu1/online': '1\n',
      'devices/system/cpu/cpu3/online': '0\n',
      'devices/system/cpu/cpufreq/policy0/scaling_governor': 'performance\n',
      'devices/system/cpu/cpuidle/current_driver': 'none\n',
      'devices/system/node/node2/cpumap': '00000003\n',
      'devices/system/node/node4/distance': '10\n',
    }),
  );
  expect(text(topology)).toEqual({
    online: '0-1',
    present: '0-1,3',
    possible: '0-1,3',
    nodes: '2,4',
    possibleNodes: '2,4',
    memory: '2,4',
    cpus: ['2: 0-1', '4: '],
  });
});

test('a host without has_memory has memory on every node', () => {
  const topology = readTopology(hostOf({ online: '0-3', nodes: { 0: '0-1', 1: '2-3' } }));
  expect(nodesOn(topology)('Nall')).toBe('0-1');
});

test('a kernel file that holds something else is named', () => {
  const host = hostOf({ online: '0-3', nodes: { 0: 'none' } });
  expect(() => readTopology(host).nodes).toThrow(
    '/sys/devices/system/node/node0/cpulist holds "none", which is no list of numbers',
  );
  expect(errorCode(() => readTopology(host).nodes)).toBe('ERR_UNSUPPORTED');
  expect(`${readTopology(host).online}`).toBe('0-3');
});

test('a host without sysfs is a refused system call', () => {
  expect(errorCode(() => readTopology(hostWith({})))).toBe('ENOENT');
});

test.skipIf(!existsSync('/sys/devices/system/cpu/online'))('the running host', () => {
  const topology = readTopology(openHost());
  expect(topology.online.isEmpty).toBe(false);
  expect(topology.online.isSubsetOf(topology.present)).toBe(true);
  expect(topology.present.isSubsetOf(topology.possible)).toBe(true);
  expect(cpusOn(topology)('Nall')).toBe(cpusOn(topology)('Call'));
});

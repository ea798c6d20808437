/** Every command line of the original's README, and the script for libvirt with its missing argument. */
import { describe, expect, it } from 'vitest';
import { actions } from '../../lib/actions/registry.js';
import { parseRequest } from '../../lib/cli/request.js';

const specs = actions.map(({ spec }) => spec);

function parsed(line: string) {
  const request = parseRequest(line.trim().split(/\s+/), specs);
  if (request.kind !== 'run') throw new Error(`not a run: ${request.kind}`);
  return { settings: request.settings, commands: request.commands.map(({ name, parameters }) => [name, parameters]) };
}

const modify = (cpusetName: string) => ['cpuset-modify', { cpusetName, cpus: 'C0-6,16-22' }];

describe("the original's README", () => {
  it.each([
    [
      'cpuset-modify --cpus C0-6,16-22 /system.slice cpuset-modify --cpus C0-6,16-22 /user.slice',
      {},
      [modify('/system.slice'), modify('/user.slice')],
    ],
    [
      'cpuset-create --cpus C0-1,6-7 /host.slice move-tasks / /host.slice',
      {},
      [
        ['cpuset-create', { cpusetName: '/host.slice', cpus: 'C0-1,6-7' }],
        ['move-tasks', { cpusetFrom: '/', cpusetTo: '/host.slice' }],
      ],
    ],
    ['cpuset-delete /host.slice', {}, [['cpuset-delete', { cpusetName: '/host.slice' }]]],
    [
      'cpuset-create --cpus N0 --mems N0 -mm /host.slice move-tasks / /host.slice',
      {},
      [
        ['cpuset-create', { cpusetName: '/host.slice', cpus: 'N0', mems: 'N0', memMigrate: true }],
        ['move-tasks', { cpusetFrom: '/', cpusetTo: '/host.slice' }],
      ],
    ],
    [
      '-u /tmp/undo_description cpuset-create --cpus C1-4 /test.slice',
      { undoFile: '/tmp/undo_description' },
      [['cpuset-create', { cpusetName: '/test.slice', cpus: 'C1-4' }]],
    ],
    ['restore /tmp/undo_description', {}, [['restore', { undoFile: '/tmp/undo_description' }]]],
    [
      '-u /tmp/undo_irq irq-affinity mask C2-5,8-11',
      { undoFile: '/tmp/undo_irq' },
      [['irq-affinity', { mode: 'mask', cpuSet: 'C2-5,8-11' }]],
    ],
    ['restore /tmp/undo_irq', {}, [['restore', { undoFile: '/tmp/undo_irq' }]]],
    [
      '-u /tmp/undo_gov cpu-governor performance C2-5,8-11',
      { undoFile: '/tmp/undo_gov' },
      [['cpu-governor', { governor: 'performance', cpuSet: 'C2-5,8-11' }]],
    ],
    ['restore /tmp/undo_gov', {}, [['restore', { undoFile: '/tmp/undo_gov' }]]],
    [
      `-u /var/run/libvirt/qemu/vfio-isolate-undo.bin
        drop-caches
        cpu-governor performance
        cpuset-modify --cpus C0-6,16-22 /system.slice
        cpuset-modify --cpus C0-6,16-22 /user.slice
        compact-memory
        irq-affinity mask C8-15,24-31`,
      { undoFile: '/var/run/libvirt/qemu/vfio-isolate-undo.bin' },
      [
        ['drop-caches', {}],
        ['cpu-governor', { governor: 'performance' }],
        modify('/system.slice'),
        modify('/user.slice'),
        ['compact-memory', {}],
        ['irq-affinity', { mode: 'mask', cpuSet: 'C8-15,24-31' }],
      ],
    ],
    [
      'restore /var/run/libvirt/qemu/vfio-isolate-undo.bin',
      {},
      [['restore', { undoFile: '/var/run/libvirt/qemu/vfio-isolate-undo.bin' }]],
    ],
  ])('%s', (line, settings, commands) => expect(parsed(line)).toEqual({ settings, commands }));
});

describe('every spelling of its flags', () => {
  const flags = [
    ['ce', 'cpu-exclusive', 'cpuExclusive'],
    ['me', 'mem-exclusive', 'memExclusive'],
    ['mm', 'mem-migrate', 'memMigrate'],
    ['lb', 'sched-load-balance', 'schedLoadBalance'],
  ] as const;
  const spellings = flags.flatMap(([short, long, parameter]) => [
    [`-${short}`, parameter, true] as const,
    [`-n${short}`, parameter, false] as const,
    [`--${long}`, parameter, true] as const,
    [`--no-${long}`, parameter, false] as const,
  ]);

  it.each(spellings)('%s', (word, parameter, value) => {
    for (const command of ['cpuset-create', 'cpuset-modify']) {
      const expected = [[command, { cpusetName: '/x', [parameter]: value }]];
      expect(parsed(`${command} ${word} /x`).commands).toEqual(expected);
      expect(parsed(`${command} /x ${word}`).commands).toEqual(expected);
    }
  });
});

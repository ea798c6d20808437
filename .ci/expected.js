/** What CI is not complete without. */

/**
 * Minutes that the stages of each kind may take together; downloads depend on the network and have no budget. One that is
 * over it is named, and fails where it takes half as long again: machines differ by that.
 */
export const budgets = { 'static checks': 5, 'in place': 5, guests: 25, faults: 10, 'install matrix': 8 };

/** How the titles of the tests of faults begin. */
export const faults = [
  'killed anywhere',
  'refused anywhere',
  'on 6.12-v2-two: faultsOnV2',
  'signals, in place',
  'the answer to a signal',
  'races, in place',
  'tasks that fork while they are moved',
  'tasks that vanish when looked at',
  'reused TIDs',
  'on 6.1-v1-small: hotplug',
  'on 6.12-v2-small: hotplug',
  'a record that is refused',
  'a record as large as it may be',
  'a new record is on disk',
  'a record of format 1',
  'on the command line, in place',
  'cpu sets',
  'names, in place',
  'one process that lives long',
];

/** How the titles of the tests of an installation begin: what cannot be had there is no excuse. */
export const installs = [
  'there is no compiler',
  'installed by npm',
  'installed by npm with scripts blocked',
  'installed by pnpm',
  'installed by yarn 1',
  'installed by yarn 4',
  ...['20', '22', '24', '26'].map((node) => `the same binary works with Node ${node}`),
  'the same binary types are found by',
  'the binary for arm64',
  'the binary for musl needs no',
  'the binary for musl is chosen',
  'from a clone',
  'with a node that sudo does not look for',
  'publint',
  'its types',
];

/** What else a machine may lack, and CI may not. */
export const programs = ['the man page', 'completion for bash', 'completion for zsh', 'completion for fish'];

const everywhere = ['installedCommand', 'demo'];
const small = ['checksSee', ...everywhere];
const systemd = ['wholeHost', ...everywhere];
const v2 = [...systemd, 'narrowedUnits', 'readmeUndo', 'readmeV2', 'spoiling'];

/** The suites of test/vm/suites that run on each host. */
export const guests = {
  '6.1-v1': [...systemd, 'masksSetMeanwhile', 'readmeUndo', 'readmeV1', 'ourReadmeV1', 'spoiling'],
  '6.1-hybrid': [...systemd, 'readmeV1'],
  '6.1-v2': [...v2, 'masksSetMeanwhile'],
  'debian-13': [...v2, 'ourReadmeV2'],
  '6.1-v1-small': [...small, 'masksSetMeanwhile', 'otherMounts', 'taskAffinity'],
  '6.1-v2-small': [...small, 'bulkCalls', 'cgroupFiles', 'homesThatHandOn', 'otherMounts'],
  '6.12-v2-small': [...small, 'bulkCalls', 'cgroupFiles', 'homesThatHandOn', 'otherMounts', 'taskAffinity'],
  '6.1-v1-24-cpus': ['readmeNuma'],
};

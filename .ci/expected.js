/**
 * What neither extent is complete without: 'short' is what CI has the time for, 'full' is all that there is
 * (`npm run test:full`).
 */

/**
 * Minutes that the stages of each kind may take together; downloads depend on the network and have no budget, and neither
 * has the full extent. One that is over it is named, and fails where it takes half as long again: machines differ by that.
 */
const budgets = { 'static checks': 5, 'in place': 7, guests: 24, faults: 8, 'install matrix': 5 };

/** How the titles of the tests of faults begin. */
const faults = [
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
  'a new record',
  'on the command line, in place',
  'cpu sets',
  'names, in place',
  'one process that lives long',
];

const faultsInFull = [
  ...faults,
  'on 6.1-v1-two: faultsOnV1',
  'on 6.12-v2-four: faultsOnSystemd',
  'on 6.12-v2-two-systemd: systemdFails',
  'on 6.12-v2-4-cpus: unitsMeanwhile',
];

/** How the titles of the tests of an installation begin: what cannot be had there is no excuse. */
const installs = [
  'there is no compiler',
  'installed by npm',
  'installed by npm with scripts blocked',
  ...['20', '24'].map((node) => `the same binary works with Node ${node}`),
  'the same binary types are found by',
  'with a node that sudo does not look for',
  'publint',
  'its types',
];

const installsInFull = [
  ...installs,
  'installed by pnpm',
  'installed by yarn 1',
  'installed by yarn 4',
  ...['22', '26'].map((node) => `the same binary works with Node ${node}`),
  'the binary for arm64',
  'the binary for musl needs no',
  'the binary for musl is chosen',
  'from a clone',
];

/** What else a machine may lack, and none that tests all may. */
const programs = [
  'the man page',
  ...['bash', 'zsh', 'fish'].flatMap((shell) => [`completion for ${shell}`, `TAB in ${shell}`]),
];

const everywhere = ['installedCommand', 'demo'];
const small = ['checksSee', ...everywhere];
const smallV2 = [...small, 'bulkCalls', 'cgroupFiles', 'homesThatHandOn', 'otherMounts'];
const systemd = ['wholeHost', ...everywhere];
const v2 = [...systemd, 'narrowedUnits', 'readmeUndo', 'readmeV2', 'spoiling'];

/** The suites of test/vm/suites that run on each host. */
const guests = {
  '6.1-v1': [...systemd, 'masksSetMeanwhile', 'readmeUndo', 'readmeV1', 'ourReadmeV1', 'spoiling'],
  'debian-13': [...v2, 'ourReadmeV2'],
  '6.1-v1-small': [...small, 'deleting', 'masksSetMeanwhile', 'otherMounts', 'taskAffinity'],
  '6.1-v2-small': smallV2,
  '6.12-v2-small': [...smallV2, 'taskAffinity', 'hangingDisk'],
  '6.12-v2-isolcpus': ['installedCommand', 'readmeUndo', 'isolatedAtBoot'],
  '6.12-v2-isolcpus-8-cpus': ['kernelGivenMasks', 'kernelGivenMasksOfAll'],
  '7.2-v2-small': [...smallV2, 'taskAffinity'],
};

const guestsInFull = {
  ...guests,
  '6.1-hybrid': [...systemd, 'readmeV1'],
  '6.1-v2': [...v2, 'masksSetMeanwhile'],
  '6.1-v1-24-cpus': ['readmeNuma'],
  'debian-forky': [...v2, 'ourReadmeV2'],
  'debian-13-isolcpus': ['readmeUndo', 'readmeV2', 'spoiling'],
  'debian-13-8-cpus': ['kernelGivenMasksOfUnits'],
};

export const extents = {
  short: { budgets, faults, guests, installs, programs },
  full: { budgets: {}, faults: faultsInFull, guests: guestsInFull, installs: installsInFull, programs },
};

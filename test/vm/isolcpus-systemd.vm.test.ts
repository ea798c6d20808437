import { describeOn } from './describe-on.js';
import { systemdHost } from './host.js';
import { kernelGivenMasksOfUnits } from './suites/kernel-given-masks-of-units.js';

const shape = { kernel: '6.12', hierarchy: 'v2', cpus: 8, nodes: 1 } as const;

describeOn(systemdHost({ ...shape, name: '6.12-v2-systemd-isolcpus', boot: 'isolcpus=2-3' }), kernelGivenMasksOfUnits, {
  spoils: true,
});

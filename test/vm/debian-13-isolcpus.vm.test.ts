import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { kernelGivenMasksOfUnits } from './suites/kernel-given-masks-of-units.js';
import { readmeUndo, readmeV2 } from './suites/readme-commands.js';
import { spoiling } from './suites/spoiling.js';

const host = hosts['debian-13-isolcpus'];
const smaller = { ...host, name: 'debian-13-8-cpus', cpus: 8, nodes: 1, boot: 'isolcpus=2-3' };

describeOn(host, readmeV2);
describeOn(host, readmeUndo);
describeOn(host, spoiling, { spoils: true });
describeOn(smaller, kernelGivenMasksOfUnits, { spoils: true });

import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { installedCommand } from './suites/installed-command.js';
import { isolatedAtBoot } from './suites/isolated-at-boot.js';
import { kernelGivenMasks, kernelGivenMasksOfAll } from './suites/kernel-given-masks.js';
import { readmeUndo } from './suites/readme-commands.js';

const host = hosts['6.12-v2-isolcpus'];
const smaller = { ...host, name: '6.12-v2-isolcpus-8-cpus', cpus: 8 };

describeOn(host, installedCommand);
describeOn(host, readmeUndo);
describeOn(host, isolatedAtBoot);
// A mask that was set once is set for as long as its task lives, and those of its children.
describeOn(smaller, kernelGivenMasksOfAll, { spoils: true });
describeOn(smaller, kernelGivenMasks, { spoils: true });

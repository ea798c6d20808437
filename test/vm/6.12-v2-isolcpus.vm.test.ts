import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { kernelGivenMasks, kernelGivenMasksOfAll } from './suites/kernel-given-masks.js';

const host = hosts['6.12-v2-isolcpus'];

// A mask that was set once is set for as long as its task lives, and those of its children.
describeOn(host, kernelGivenMasksOfAll, { spoils: true });
describeOn(host, kernelGivenMasks, { spoils: true });

// The original README's machine of 12 cores with two threads each, on two nodes.
import { describeOn } from './describe-on.js';
import { smallHost } from './host.js';
import { readmeNuma } from './suites/readme-commands.js';

const nodeCpus = ['0-5,12-17', '6-11,18-23'];
describeOn(
  smallHost({ kernel: '6.1', hierarchy: 'v1', name: '6.1-v1-24-cpus', cpus: 24, nodeCpus, megabytes: 2048 }),
  readmeNuma,
);

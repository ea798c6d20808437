import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { readmeUndo, readmeV2 } from './suites/readme-commands.js';
import { spoiling } from './suites/spoiling.js';

const host = hosts['debian-13-isolcpus'];

describeOn(host, readmeV2);
describeOn(host, readmeUndo);
describeOn(host, spoiling, { spoils: true });

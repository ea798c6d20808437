import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { demo } from './suites/demo.js';
import { installedCommand } from './suites/installed-command.js';
import { readmeV1 } from './suites/readme-commands.js';
import { wholeHost } from './suites/whole-host.js';

const host = hosts['6.1-hybrid'];

describeOn(host, wholeHost, { install: false });
describeOn(host, installedCommand);
describeOn(host, readmeV1);
describeOn(host, demo);

import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { demo } from './suites/demo.js';
import { installedCommand } from './suites/installed-command.js';
import { masksSetMeanwhile } from './suites/masks.js';
import { ourReadmeV1, readmeUndo, readmeV1 } from './suites/readme-commands.js';
import { spoiling } from './suites/spoiling.js';
import { wholeHost } from './suites/whole-host.js';

const host = hosts['6.1-v1'];

describeOn(host, wholeHost, { install: false });
describeOn(host, installedCommand);
describeOn(host, masksSetMeanwhile);
describeOn(host, readmeV1);
describeOn(host, ourReadmeV1);
describeOn(host, readmeUndo);
describeOn(host, demo);
describeOn(host, spoiling, { install: false, spoils: true });

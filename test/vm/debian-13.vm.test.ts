import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { demo } from './suites/demo.js';
import { installedCommand } from './suites/installed-command.js';
import { ourReadmeV2, readmeUndo, readmeV2 } from './suites/readme-commands.js';
import { spoiling } from './suites/spoiling.js';
import { narrowedUnits } from './suites/units.js';
import { wholeHost } from './suites/whole-host.js';

const host = hosts['debian-13'];

describeOn(host, wholeHost, { install: false });
describeOn(host, installedCommand);
describeOn(host, narrowedUnits);
describeOn(host, readmeV2);
describeOn(host, ourReadmeV2);
describeOn(host, readmeUndo);
describeOn(host, demo);
describeOn(host, spoiling, { spoils: true });

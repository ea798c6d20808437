import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { checksSee } from './suites/checks-see.js';
import { deleting } from './suites/deleting.js';
import { demo } from './suites/demo.js';
import { installedCommand } from './suites/installed-command.js';
import { masksSetMeanwhile } from './suites/masks.js';
import { otherMounts } from './suites/other-mounts.js';
import { taskAffinity } from './suites/task-affinity.js';

const host = hosts['6.1-v1-small'];

describeOn(host, checksSee, { install: false });
describeOn(host, installedCommand);
describeOn(host, masksSetMeanwhile);
describeOn(host, otherMounts);
describeOn(host, deleting);
describeOn(host, demo);
describeOn(host, taskAffinity);

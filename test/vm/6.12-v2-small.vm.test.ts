import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { bulkCalls } from './suites/bulk-calls.js';
import { cgroupFiles } from './suites/cgroup-files.js';
import { checksSee } from './suites/checks-see.js';
import { demo } from './suites/demo.js';
import { hangingDisk } from './suites/hanging-disk.js';
import { homesThatHandOn } from './suites/homes.js';
import { installedCommand } from './suites/installed-command.js';
import { otherMounts } from './suites/other-mounts.js';
import { taskAffinity } from './suites/task-affinity.js';

const host = hosts['6.12-v2-small'];

describeOn(host, checksSee, { install: false });
describeOn(host, installedCommand);
describeOn(host, cgroupFiles);
describeOn(host, bulkCalls);
describeOn(host, homesThatHandOn);
describeOn(host, otherMounts);
describeOn(host, demo);
describeOn(host, taskAffinity);
describeOn(host, hangingDisk, { spoils: true });

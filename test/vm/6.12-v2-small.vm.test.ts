import { describeOn } from './describe-on.js';
import { hosts } from './host.js';
import { checksSee } from './suites/checks-see.js';
import { demo } from './suites/demo.js';
import { installedCommand } from './suites/installed-command.js';
import { taskAffinity } from './suites/task-affinity.js';

const host = hosts['6.12-v2-small'];

describeOn(host, checksSee, { install: false });
describeOn(host, installedCommand);
describeOn(host, demo);
describeOn(host, taskAffinity);

import { describeOn } from '../vm/describe-on.js';
import { hosts } from '../vm/host.js';
import { hotplug } from './suites/hotplug.js';

describeOn(hosts['6.1-v1-small'], hotplug);

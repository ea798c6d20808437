import { describeOn } from '../vm/describe-on.js';
import { hosts } from '../vm/host.js';
import { hotplug } from './suites/hotplug.js';

describeOn(hosts['6.12-v2-small'], hotplug);

import { describeOn } from '../vm/describe-on.js';
import { systemdHost } from '../vm/host.js';
import { systemdFails } from './suites/systemd-fails.js';

const shape = { kernel: '6.12', hierarchy: 'v2', cpus: 2, nodes: 1, smt: false } as const;

describeOn(systemdHost({ ...shape, name: '6.12-v2-two-systemd', lifetime: 10_800 }), systemdFails);

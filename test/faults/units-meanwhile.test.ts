import { describeOn } from '../vm/describe-on.js';
import { systemdHost } from '../vm/host.js';
import { unitsMeanwhile } from './suites/units-meanwhile.js';

describeOn(
  systemdHost({ kernel: '6.12', hierarchy: 'v2', name: '6.12-v2-4-cpus', cpus: 4, nodes: 1, smt: false }),
  unitsMeanwhile,
);

import { expect, test } from 'vitest';
import { remedyForAccess } from '../../lib/kernel/confinement.js';
import { hostTree } from '../support/tree.js';

const NEEDS_ROOT = 'changing the host needs root: use sudo';
const confined = (by: string) => `this process is confined by ${by}: in a libvirt hook, run /usr/bin/env vfio-isolate`;

test.each([
  ['libvirtd (enforce)\n', 0, confined('libvirtd (enforce)')],
  ['system_u:system_r:virtd_t:s0\0', 0, confined('system_u:system_r:virtd_t:s0')],
  ['libvirtd (enforce)', 1000, NEEDS_ROOT],
  ['unconfined', 0, NEEDS_ROOT],
  ['unconfined_u:unconfined_r:unconfined_t:s0', 0, NEEDS_ROOT],
  ['', 0, NEEDS_ROOT],
])('EACCES of a process labelled %j with uid %i', (label, uid, remedy) => {
  expect(remedyForAccess(hostTree({ 'proc/self/attr/current': label }), undefined, uid)).toBe(remedy);
});

test('EACCES without a security module', () => {
  expect(remedyForAccess(hostTree({}), undefined, 0)).toBe(NEEDS_ROOT);
});

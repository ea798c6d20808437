/** What systemd says of a unit, and what of it shows that somebody means that unit. */
import { expect, test, vi } from 'vitest';
import { openHost } from '../../lib/host.js';
import { askUnit } from '../../lib/kernel/systemd/properties.js';

const answer = vi.hoisted(() => ({ is: {} as Record<string, string> }));
vi.mock('../../lib/kernel/systemd/bus.js', async (original) => ({
  ...(await original<typeof import('../../lib/kernel/systemd/bus.js')>()),
  showUnit: async () => new Map(Object.entries(answer.is)),
}));

const ask = async (unit: string, more: Record<string, string>) => {
  answer.is = { LoadState: 'loaded', ActiveState: 'inactive', ControlGroup: '', ...more };
  return askUnit(openHost(), unit);
};

test.each<[what: string, known: boolean, shown: Record<string, string>]>([
  ['runs', true, { ActiveState: 'active' }],
  ['has a file', true, { FragmentPath: '/usr/lib/systemd/system/late.slice' }],
  ['has a drop-in of its own', true, { DropInPaths: '/etc/systemd/system/late.slice.d/10-mine.conf' }],
  ['has a name', false, {}],
  ['has drop-ins of all slices', false, { DropInPaths: '/usr/lib/systemd/system/slice.d/10-oomd.conf' }],
  ['is not found', false, { LoadState: 'not-found', FragmentPath: '/gone' }],
])('a unit that only %s is known: %s', async (_what, known, shown) => {
  expect(await ask('late.slice', shown)).toMatchObject({ known });
});

test('the cgroup of a unit has its place also before it runs', async () => {
  expect(await ask('a-b.slice', {})).toMatchObject({ cgroup: '', place: '/a.slice/a-b.slice' });
  expect(await ask('x.service', { Slice: 'a-b.slice' })).toMatchObject({ place: '/a.slice/a-b.slice/x.service' });
  expect(await ask('x.service', {})).toMatchObject({ place: '' });
});

test.each([
  ['inactive', true],
  ['failed', true],
  ['active', false],
  ['activating', false],
  ['deactivating', false],
  ['reloading', false],
])('a unit that is %s is idle: %s', async (ActiveState, idle) => {
  expect(await ask('late.slice', { ActiveState })).toMatchObject({ idle });
});

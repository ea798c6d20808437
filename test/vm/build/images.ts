import { left } from '../extent.js';
import { hosts } from '../host.js';
import { acceleration, qemuArguments } from '../qemu.js';

/** Before any guest is up: beside a build guests would starve, and their tests run out of time. */
export async function buildImages(): Promise<void> {
  const nowhere = { job: '/', package: '/' };
  const wanted = Object.values(hosts).filter(({ name }) => !left.includes(name));
  await Promise.all(wanted.map((host) => qemuArguments(host, nowhere, acceleration())));
}

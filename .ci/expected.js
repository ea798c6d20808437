/** What CI is not complete without. */

/** Minutes that the stages of each kind may take together; downloads depend on the network and have no budget. */
export const budgets = { 'static checks': 5, 'in place': 5, guests: 25, faults: 10, 'install matrix': 8 };

const everywhere = ['installedCommand', 'demo'];
const small = ['checksSee', ...everywhere];
const systemd = ['wholeHost', ...everywhere, 'masksSetMeanwhile', 'spoiling'];

/** The suites of test/vm/suites that run on each host. */
export const guests = {
  '6.1-v1': systemd,
  '6.1-hybrid': systemd,
  '6.1-v2': systemd,
  '6.12-v2': systemd,
  '6.1-v1-small': [...small, 'masksSetMeanwhile'],
  '6.1-v2-small': small,
  '6.12-v2-small': small,
};

import { describe, expect, test } from 'vitest';
import { SystemError } from '../lib/errors.js';
import { type Host, listIfThere, openHost, readIfThere } from '../lib/host.js';

/** A host on which every look is refused so. */
const refusing = (errno: number): Host => {
  const refuse = (path: string): never => {
    throw new SystemError({ errno, syscall: 'read', path });
  };
  return { ...openHost({ sys: '/nowhere', proc: '/nowhere' }), read: refuse, list: refuse };
};

describe('what may be gone', () => {
  test.each([
    ['a path that is not there (ENOENT)', -2],
    ['a task that exits while it is looked at (ESRCH)', -3],
    ['a cgroup that is removed while it is looked at (ENODEV)', -19],
    ['a path through a file (ENOTDIR)', -20],
  ])('%s is not there', (_, errno) => {
    expect(readIfThere(refusing(errno), '/x')).toBeUndefined();
    expect(listIfThere(refusing(errno), '/x')).toBeUndefined();
  });

  test('what may not be read is an error (EACCES)', () => {
    expect(() => readIfThere(refusing(-13), '/x')).toThrow(expect.objectContaining({ code: 'EACCES' }));
    expect(() => listIfThere(refusing(-13), '/x')).toThrow(expect.objectContaining({ code: 'EACCES' }));
  });
});

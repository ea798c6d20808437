import { describe, expect, test } from 'vitest';
import { run } from '../../lib/index.js';
import { hostTree } from '../support/tree.js';

const planned = async (name: string, tree: Record<string, string>, parameters = {}) => {
  const report = await run([{ name, parameters }], { dryRun: true, host: hostTree(tree) });
  if (report.error) throw report.error;
  return report.commands[0]?.changes.map(({ kind, target, from, to }) => [
    kind,
    target.replace(/^.*\/proc/, ''),
    from,
    to,
  ]);
};

describe('memory', () => {
  test('drop-caches writes dirty pages to disk first', async () => {
    expect(await planned('drop-caches', { 'proc/sys/vm/drop_caches': '' })).toEqual([
      ['sync', '/', null, null],
      ['file', '/sys/vm/drop_caches', null, '3'],
    ]);
  });

  test('drop-caches page-cache waits for no disk', async () => {
    const tree = { 'proc/sys/vm/drop_caches': '' };
    const dropped = ['file', '/sys/vm/drop_caches', null, '1'];
    expect(await planned('drop-caches', tree, { caches: 'page-cache' })).toEqual([dropped]);
    await expect(planned('drop-caches', tree, { caches: 'slab' })).rejects.toThrow(
      'caches must be all or page-cache, not "slab"',
    );
  });

  test('compact-memory triggers a compaction, and nothing is there to undo', async () => {
    const tree = { 'proc/sys/vm/compact_memory': '' };
    expect(await planned('compact-memory', tree)).toEqual([['file', '/sys/vm/compact_memory', null, '1']]);
  });

  test('a kernel without compaction is told of', async () => {
    await expect(planned('compact-memory', { 'proc/sys/vm/drop_caches': '' })).rejects.toThrow('CONFIG_COMPACTION');
  });
});

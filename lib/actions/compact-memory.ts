import { VfioIsolateError } from '../errors.js';
import { listIfThere } from '../host.js';
import { compactMemoryFile } from '../kernel/memory.js';
import { fileStep } from '../steps/file/file.js';
import type { Action } from './spec.js';

export const compactMemory: Action = {
  spec: {
    name: 'compact-memory',
    summary: 'compact memory',
    description: [
      'Has the kernel make free memory contiguous in all zones, as huge pages need it. In a chain it comes before all ' +
        'that is changed, and is waited for 30 seconds at most: what the kernel has not done by then is a note.',
    ],
    arguments: [],
    options: [],
    examples: [{ line: 'vfio-isolate compact-memory', effect: 'larger free blocks; nothing is there to undo' }],
  },

  isTrigger: true,

  plan(_parameters, { host }) {
    const file = compactMemoryFile(host);
    const folder = file.slice(0, file.lastIndexOf('/'));
    if (!listIfThere(host, folder)?.includes('compact_memory')) {
      throw new VfioIsolateError('ERR_UNSUPPORTED', `this kernel has no ${file} (CONFIG_COMPACTION)`);
    }
    return { steps: fileStep(host, file, '1') };
  },
};

import { VfioIsolateError } from '../errors.js';
import { X3D_MODES, x3dModeFiles } from '../kernel/x3d.js';
import { fileStep } from '../steps/file/file.js';
import { choice } from './parameters.js';
import type { Action } from './spec.js';

export const x3dMode: Action = {
  spec: {
    name: 'x3d-mode',
    summary: 'choose the die that an AMD X3D processor prefers',
    description: [
      'An AMD processor with 3D V-Cache on one of its two dies fills either the die of the higher frequency first, or ' +
        'that of the larger cache. It takes Linux 6.13 or later.',
    ],
    arguments: [{ name: 'mode', help: 'frequency or cache', type: X3D_MODES }],
    options: [],
    examples: [
      {
        line: 'vfio-isolate -u /tmp/undo_x3d x3d-mode frequency',
        effect: 'what the host runs prefers the die without 3D V-Cache, and leaves the other to a guest',
      },
    ],
  },

  plan(parameters, { host }) {
    const mode = choice(parameters, 'mode', X3D_MODES);
    const files = x3dModeFiles(host);
    if (files.length === 0) {
      throw new VfioIsolateError('ERR_UNSUPPORTED', 'this host has no amd_x3d_mode', {
        remedy:
          'it takes an AMD processor with 3D V-Cache on one of two dies, Linux 6.13 or later, and its driver: ' +
          'modprobe amd_3d_vcache',
      });
    }
    return { steps: files.flatMap((file) => fileStep(host, file, mode)) };
  },
};

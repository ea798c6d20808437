import { text } from './parameters.js';
import type { RestoreAction } from './spec.js';

export const restore: RestoreAction = {
  spec: {
    name: 'restore',
    summary: 'restore a previous state using an undo file',
    description: [
      'Undoes, last change first, whatever still holds of what was recorded with -u. What somebody else has changed ' +
        'since is left and reported, unless --force is given.',
      'A file that has been restored stays, marked so: restoring it again does nothing. With -u ANOTHER-FILE before ' +
        'it, how to redo the changes is recorded there.',
    ],
    arguments: [{ name: 'undo-file', help: 'the file that was given to -u', type: 'file' }],
    options: [],
    examples: [{ line: 'vfio-isolate restore /run/vfio-isolate.undo', effect: 'the host is as it was before -u' }],
  },

  record: (parameters) => text(parameters, 'undoFile'),
};

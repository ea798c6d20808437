import { optionalText } from './parameters.js';
import type { RestoreAction } from './spec.js';

export const restore: RestoreAction = {
  spec: {
    name: 'restore',
    summary: 'restore a previous state using an undo file',
    description: [
      'Undoes, last change first, whatever still holds of an undo record: that of the name that was given to -u, or by ' +
        'default that of the last run that still holds something. What somebody else has changed since is left and ' +
        'reported, unless --force is given.',
      'A record that has been restored stays, marked so: restoring it again does nothing. With -u ANOTHER-FILE before ' +
        'it, how to redo the changes is recorded there.',
    ],
    arguments: [
      {
        name: 'undo-file',
        help: 'the name that was given to -u, or the path of a record in /run/vfio-isolate',
        type: 'file',
        optional: true,
      },
    ],
    options: [],
    examples: [
      { line: 'vfio-isolate restore /run/vfio-isolate.undo', effect: 'the host is as it was before -u' },
      { line: 'vfio-isolate restore', effect: 'the host is as it was before the last run' },
    ],
  },

  record: (parameters) => optionalText(parameters, 'undoFile'),
};

/** What the help and the parser know of `vfio-isolate records`, which is no action. */
import type { ActionSpec } from '../index.js';

export const recordsSpec: ActionSpec = {
  name: 'records',
  summary: 'list the undo records: since when, by whom, what they hold',
  description: [
    'Lists the undo records in /run/vfio-isolate, that of the last run first: what each is called, since when it is there, ' +
      'the command lines of its runs, and how much it holds. With show, what a record holds, thing by thing. Nothing is ' +
      'changed. --json prints all of it as one JSON object.',
  ],
  arguments: [
    { name: 'show', help: 'show one record', type: ['show'], optional: true },
    { name: 'record', help: 'its name, as restore takes it', type: 'file', optional: true },
  ],
  options: [],
  examples: [
    { line: 'vfio-isolate records', effect: 'a line a record, and below it the command lines of its runs' },
    { line: 'vfio-isolate records show /run/guest.undo', effect: 'what restore would bring back' },
  ],
};

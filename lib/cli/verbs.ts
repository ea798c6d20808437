/** The commands that stand alone: none can be part of a chain. */
import type { ActionSpec } from '../index.js';
import { demoSpec } from './demo-spec.js';
import { recordsSpec } from './records-spec.js';

export const verbs: readonly ActionSpec[] = [demoSpec, recordsSpec];

import type { Step } from '../../steps/step.js';
import type { Parameters } from '../spec.js';

/** The cpuset commands as steps. Names are as a user writes them. @throws UsageError, VfioIsolateError */
export interface CpusetCommands {
  create(name: string, parameters: Parameters): Step[];
  modify(name: string, parameters: Parameters): Step[];
  remove(name: string): Step[];
  move(from: string, to: string): Step[];
}

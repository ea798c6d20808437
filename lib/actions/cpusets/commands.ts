import type { Step } from '../../steps/step.js';
import type { Parameters } from '../spec.js';

/** The cpuset commands as steps. Names are as a user writes them. @throws UsageError, VfioIsolateError */
export interface CpusetCommands {
  create(name: string, parameters: Parameters): Step[];
  modify(name: string, parameters: Parameters): Step[];
  /** @param force also where an undo could not bring back all of it */
  remove(name: string, force: boolean): Step[];
  move(from: string, to: string): Step[];
}

import type { Parameters, Plan, PlanContext } from '../spec.js';

/** The cpuset commands as steps. Names are as a user writes them. @throws UsageError, VfioIsolateError */
export interface CpusetCommands {
  create(name: string, parameters: Parameters): Plan | Promise<Plan>;
  modify(name: string, parameters: Parameters): Plan | Promise<Plan>;
  /** With `force` also where an undo could not bring back all of it. */
  remove(name: string, context: PlanContext): Plan | Promise<Plan>;
  /** With `force` also out of, and into, what systemd watches over. */
  move(from: string, to: string, context: PlanContext): Plan | Promise<Plan>;
}

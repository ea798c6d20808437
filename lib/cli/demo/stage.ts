/** What the demo isolates with on this host: cpusets where it may, else affinity alone. */
import { VfioIsolateError } from '../../errors.js';
import { type Command, type RunReport, run, type StopSignal, setAffinity } from '../../index.js';
import type { Bitmap } from '../../sets/bitmap.js';
import type { Busy } from './busy.js';

export interface Stage {
  /** What it isolates with, and why with no more than that. */
  readonly means: string;
  /** Command lines that do the same, for show. */
  readonly isolateLine: string;
  readonly restoreLine: string;
  /** Cgroup directory that the busy process enters by itself. */
  readonly home: string | undefined;
  isolate(busy: Busy): Promise<void>;
  restore(busy: Busy): Promise<void>;
  /** Takes away what was made for the demo. */
  leave(): Promise<void>;
}

export interface Setting {
  /** The CPUs that the busy process may run on at first ... */
  readonly all: Bitmap;
  /** ... and those that it is isolated on. */
  readonly few: Bitmap;
  /** Folder for undo records. */
  readonly folder: string;
  readonly signal: StopSignal;
}

export async function chooseStage(setting: Setting): Promise<Stage> {
  const { all, folder, signal } = setting;
  const name = `/vfio_isolate_demo_${process.pid}`;
  const home = `${name}_home.slice`;
  const create: Command = { name: 'cpuset-create', parameters: { cpusetName: home, cpus: `C${all}` } };
  const ownUndo = `${folder}/own-undo`;
  try {
    const made = await done(run([create], { undo: ownUndo, signal }));
    return cpusetStage(setting, name, home, made, ownUndo);
  } catch (error) {
    if (error instanceof VfioIsolateError && NO_CPUSETS.has(error.code)) return affinityStage(setting, error.message);
    throw error;
  }
}

/** No controller, no root, or a cgroup file system that is mounted read-only, as in a container. */
const NO_CPUSETS = new Set(['ERR_UNSUPPORTED', 'EACCES', 'EPERM', 'EROFS']);

function cpusetStage(
  { few, folder, signal }: Setting,
  name: string,
  home: string,
  made: RunReport,
  ownUndo: string,
): Stage {
  const undo = `${folder}/undo`;
  const guest = `${name}_guest.slice`;
  const cgroup = made.commands[0]?.changes.find(({ kind }) => kind === 'cgroup')?.target;
  const chain: Command[] = [
    { name: 'cpuset-create', parameters: { cpusetName: guest, cpus: `C${few}` } },
    { name: 'move-tasks', parameters: { cpusetFrom: home, cpusetTo: guest } },
  ];
  return {
    means: `cpusets below ${cgroup?.slice(0, cgroup.indexOf(name))}`,
    isolateLine: `vfio-isolate -u ${undo} cpuset-create --cpus C${few} ${guest} move-tasks ${home} ${guest}`,
    restoreLine: `vfio-isolate restore ${undo}`,
    home: cgroup,
    isolate: async () => void (await done(run(chain, { undo, signal }))),
    restore: async () => void (await done(run([restoring(undo)]))),
    leave: async () => void (await done(run([restoring(ownUndo)]))),
  };
}

function affinityStage({ all, few }: Setting, why: string): Stage {
  const give = (cpus: Bitmap) => async (busy: Busy) => {
    for (const pid of busy.pids) setAffinity(pid, cpus);
  };
  return {
    means: `affinity alone (${why})`,
    isolateLine: `setAffinity(pid, [${few}])`,
    restoreLine: `setAffinity(pid, [${[...all].join(', ')}])`,
    home: undefined,
    isolate: give(few),
    restore: give(all),
    leave: async () => {},
  };
}

const restoring = (undoFile: string): Command => ({ name: 'restore', parameters: { undoFile } });

/** @throws VfioIsolateError for a run that did not do all that was asked */
async function done(running: Promise<RunReport>): Promise<RunReport> {
  const report = await running;
  if (!report.ok) throw report.error ?? new VfioIsolateError('ERR_INCOMPLETE', 'the run failed');
  return report;
}

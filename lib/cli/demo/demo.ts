/** `vfio-isolate demo`: a busy process of its own before, during and after its isolation. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { VfioIsolateError } from '../../errors.js';
import type { StopSignal } from '../../index.js';
import { Bitmap } from '../../sets/bitmap.js';
import { parseList } from '../../sets/list.js';
import type { Io } from '../io.js';
import { Busy, type Sighting } from './busy.js';
import { chooseStage, type Stage } from './stage.js';

const MOST_LOOPS = 4;
const BAR = 24;

/** @returns the exit status @throws VfioIsolateError */
export async function demo(io: Io, signal: StopSignal): Promise<number> {
  const all = parseList(/^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '');
  const few = Bitmap.of([all.last ?? 0]);
  const { tmpdir } = process.getBuiltinModule('node:os');
  const folder = mkdtempSync(join(tmpdir(), 'vfio-isolate-demo-'));
  try {
    const stage = await chooseStage({ all, few, folder, signal });
    try {
      io.out(`Isolating with ${stage.means}.\n\n`);
      const held = await perform(io, stage, { all, few }, signal);
      if (!held) throw new VfioIsolateError('ERR_NOT_HELD', 'the busy process did not run where it should have');
    } finally {
      await stage.leave();
    }
    io.out('\nNothing remains of it.\n');
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns whether the process could run on all CPUs, then ran on the few alone, then could run on all again */
async function perform(
  io: Io,
  stage: Stage,
  { all, few }: { readonly all: Bitmap; readonly few: Bitmap },
  signal: StopSignal,
): Promise<boolean> {
  const busy = await Busy.start(stage.home, Math.min(all.size, MOST_LOOPS));
  const show = async (when: string) => {
    if (signal.aborted) throw new VfioIsolateError('ABORT_ERR', 'stopped by a signal');
    const sighting = await busy.look();
    io.out(describe(when, sighting));
    return sighting;
  };
  try {
    const before = await show('before');
    io.out(`$ ${stage.isolateLine}\n`);
    await stage.isolate(busy);
    let during: Sighting;
    try {
      during = await show('during');
    } finally {
      io.out(`$ ${stage.restoreLine}\n`);
      await stage.restore(busy);
    }
    const after = await show('after');
    const alone = [...during.seen.keys()].every((cpu) => few.has(cpu));
    const [whole, part] = [all.toString(), few.toString()];
    return before.allowed === whole && during.allowed === part && alone && after.allowed === whole;
  } finally {
    await busy.end();
  }
}

function describe(when: string, { allowed, seen }: Sighting): string {
  const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
  const rows = [...seen].sort(([a], [b]) => a - b);
  const lines = rows.map(([cpu, count]) => {
    const share = count / total;
    return `    CPU ${String(cpu).padEnd(4)} ${'#'.repeat(Math.round(share * BAR)).padEnd(BAR)} ${Math.round(share * 100)} %`;
  });
  return `${when}: may run on ${allowed}; was seen on\n${lines.join('\n')}\n`;
}

/** Takes back what a run has done so far. A signal does not stop it: it is what a signal asks for. */
import { asOurs, VfioIsolateError } from '../errors.js';
import type { Host } from '../host.js';
import type { RolledBack } from './chain.js';
import { Applier } from './perform.js';
import type { UndoRecord } from './record/record.js';
import { type Change, emptyReport } from './report.js';
import { Marker } from './undo/marker.js';
import { undo } from './undo/undo.js';

export async function rollBack(
  host: Host,
  record: UndoRecord,
  since: number,
  tell?: (change: Change) => void,
): Promise<RolledBack> {
  const report = emptyReport('rollback');
  const failures: VfioIsolateError[] = [];
  const live = record.live(since);
  const marker = new Marker(record, live.marks, host);
  try {
    const performer = new Applier(host, undefined, undefined, unfailing(tell));
    const { errors, changed } = await undo(live, { performer, report, force: false, marker });
    failures.push(...errors, ...changed.map((message) => new VfioIsolateError('ERR_STATE', message)));
  } catch (error) {
    failures.push(asOurs(error));
  }
  await marker.finish(report);
  return { errors: failures, notes: report.notes };
}

/** A listener that throws has failed the run already; it must not stop the rollback as well. */
function unfailing(tell: ((change: Change) => void) | undefined): (change: Change) => void {
  return (change) => {
    try {
      tell?.(change);
    } catch {}
  };
}

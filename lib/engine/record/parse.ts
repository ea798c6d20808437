/** A record's text as lines, each checked: it is input from outside, whoever wrote it. */
import { shortened, VfioIsolateError } from '../../errors.js';
import { type Host, readOnce } from '../../host.js';
import { bootId } from '../../kernel/boot.js';
import { printable } from '../../sets/text.js';
import { kindOf } from '../../steps/registry.js';
import type { StepKind } from '../../steps/step.js';
import { decodeLine, isLine, type Line, VERSION } from './line.js';

export interface Parsed {
  readonly lines: readonly Line[];
  /** Bytes of the whole lines. */
  readonly length: number;
  /** Whether a rest without a newline follows them: it was cut short by a crash, and so never acted upon. */
  readonly torn: boolean;
  /** Whether it is of an earlier boot. Then nothing but its header is read: damaged or not, the rest has no meaning. */
  readonly stale: boolean;
}

/**
 * @param path of the record, for messages
 * @throws VfioIsolateError `ERR_RECORD`, naming the line
 */
export function parseRecord(of: Host, path: string, text: string): Parsed {
  const host = readOnce(of);
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const rest = text.slice(whole.length);
  const kinds = new Map<number, StepKind>();
  const read = (line: string, index: number) => {
    try {
      return readLine(host, line, index, kinds);
    } catch (error) {
      throw damaged(path, index + 1, error);
    }
  };
  const texts = whole.split('\n').slice(0, -1);
  const [header] = texts.slice(0, 1).map(read);
  if (header?.type === 'header' && header.boot !== bootId(host)) {
    return { lines: [header], length: Buffer.byteLength(whole), torn: false, stale: true };
  }
  const lines = texts.map(read);
  if (lines.length === 0 && text !== '') throw damaged(path, 1, new Error('it is no line of a record'));
  // Cut short, it would have no newline, or a page of zeros there that never reached the disk; not another character.
  if (!rest.endsWith('\0') && isLine(rest.slice(0, -1)))
    throw damaged(path, lines.length + 1, new Error('it does not end with a newline'));
  return { lines, length: Buffer.byteLength(whole), torn: rest !== '', stale: false };
}

/** What was checked of a line, and nothing else of it: members that this version does not know are left out. */
function readLine(host: Host, text: string, index: number, kinds: Map<number, StepKind>): Line {
  const line = decodeLine(text);
  if ((line.type === 'header') !== (index === 0)) throw new Error('it is out of place');
  switch (line.type) {
    case 'header':
      if (line.version > VERSION) throw newer(line.tool);
      break;
    case 'step': {
      if (line.step !== kinds.size + 1) throw new Error(`it is step ${line.step} where ${kinds.size + 1} is expected`);
      const kind = kindOf(line.change);
      kinds.set(line.step, kind);
      return { ...line, change: { ...kind.validate(line.change, host) } };
    }
    case 'detail': {
      const kind = kinds.get(line.step);
      if (kind === undefined) throw notAbove(line.step);
      return { type: 'detail', step: line.step, ...kind.validateDetail?.(line, host) };
    }
    case 'undone':
    case 'undone-but-masks':
      for (const step of line.steps) if (!kinds.has(step)) throw notAbove(step);
      break;
    case 'undone-tasks':
      for (const step of [line.first, line.last]) if (!kinds.has(step)) throw notAbove(step);
      if (line.first > line.last) throw new Error(`its steps go from ${line.first} to ${line.last}`);
      break;
  }
  return line;
}

const notAbove = (step: number) => new Error(`it belongs to step ${step}, which does not stand above it`);

function newer(tool: string): VfioIsolateError {
  return new VfioIsolateError('ERR_RECORD', `it was written by the newer version ${tool}`, {
    remedy: 'restore it with that version',
  });
}

/** Longest reason that is told: one may quote the record. */
const LONGEST = 300;

function damaged(path: string, line: number, error: unknown): VfioIsolateError {
  const why = printable(shortened(error instanceof Error ? error.message : String(error), LONGEST));
  const remedy = error instanceof VfioIsolateError ? error.remedy : undefined;
  return new VfioIsolateError('ERR_RECORD', `undo record ${path}, line ${line}: ${why}`, {
    remedy: remedy ?? 'nothing was touched; only a whole, unchanged record can be restored',
    cause: error,
  });
}

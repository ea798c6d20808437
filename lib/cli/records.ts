/** `vfio-isolate records`: what there is to restore. */
import { UsageError } from '../errors.js';
import type { Parameters, RecordInfo, records } from '../index.js';
import { packageVersion } from '../version.js';
import type { Io } from './io.js';
import { json } from './json-output.js';
import { oneLine } from './line.js';

/** @returns the exit status @throws as the library's `records` */
export async function listRecords(
  parameters: Parameters,
  asJson: boolean,
  io: Io,
  list: typeof records,
): Promise<number> {
  const name = nameIn(parameters);
  const found = await list(name === undefined ? {} : { name });
  if (asJson) io.out(json({ schemaVersion: 1, version: packageVersion(), records: found }));
  else io.out(found.length === 0 ? 'none\n' : found.map((one) => textOf(one, name !== undefined)).join(''));
  return 0;
}

function nameIn({ show, record }: Parameters): string | undefined {
  if (show === undefined || typeof record === 'string') return record as string | undefined;
  throw new UsageError('records show: the name of a record is missing', { remedy: 'vfio-isolate records lists them' });
}

function textOf(record: RecordInfo, isWhole: boolean): string {
  const lines = [
    `${record.name}: ${stateOf(record)}`,
    ...record.runs.map(({ time, command }) => `  ${shownTime(time)}  ${command}`),
    ...(isWhole ? record.holds.map(({ text }) => `  ${text}`) : []),
  ];
  return lines.map((line) => `${oneLine(line)}\n`).join('');
}

function stateOf({ state, since, holds, problem }: RecordInfo): string {
  const begun = since === undefined ? '' : ` since ${shownTime(since)}`;
  switch (state) {
    case 'holds':
      return `holds ${holds.length} ${holds.length === 1 ? 'change' : 'changes'}${begun}`;
    case 'restored':
      return 'holds nothing any more';
    case 'earlier boot':
      return 'is of an earlier boot';
    case 'unreadable':
      return `unreadable: ${problem}`;
  }
}

/** To the second, UTC. */
const shownTime = (time: string) => `${time.slice(0, 19).replace('T', ' ')}Z`;

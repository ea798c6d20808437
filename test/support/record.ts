/** Undo records as a test wants them: right checksums, whatever the content. */
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { placeOf } from '../../lib/engine/record/records.js';
import { openStore } from '../../lib/engine/record/store.js';
import { type Host, openHost } from '../../lib/host.js';

/** Where the record of a name lies, or would lie. */
export function recordFile(undo: string, host: Host = openHost()): string {
  openStore(host);
  return placeOf(host, undo).path;
}

export const encode = (entry: object): string => encodeText(JSON.stringify(entry));

/** The same for an object that is written already. */
export function encodeText(json: string): string {
  const rest = json.slice(1);
  return `{"crc":"${crc32(rest).toString(16).padStart(8, '0')}",${rest}\n`;
}

export const header = (more: object = {}) => ({
  type: 'header',
  format: 'vfio-isolate undo record',
  version: 1,
  boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  tool: '0.1.0',
  time: '2026-01-01T00:00:00.000Z',
  ...more,
});

export const step = (number: number, change: object) => ({ type: 'step', step: number, command: 'test', change });

export function writeRecord(path: string, ...entries: object[]): void {
  writeFileSync(path, entries.map(encode).join(''), { mode: 0o600 });
}

/** Changes the entries of a record that is there. */
export function rewrite(path: string, change: (entry: Record<string, unknown>) => object): void {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const entries = lines.map((line) => {
    const { crc: _, ...entry } = JSON.parse(line);
    return change(entry);
  });
  writeFileSync(path, entries.map(encode).join(''));
}

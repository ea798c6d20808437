/** Writes V8's code cache (code-cache.ts). Nothing depends on it: where it cannot be written, each start compiles anew. */
import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { HEADER, isOf } from './code-cache.js';
import { isPlainNode } from './plain-node.js';
import type { Loaded } from './script.js';

const PARTIAL = '.partial';

/** Has the cache hold also what this run does, once it ends. */
export function remember(loaded: Loaded, parts: readonly string[]): void {
  const { cache, isCached } = loaded;
  const known = new Set(isCached ? cache.parts : []);
  if (isCached && parts.every((part) => known.has(part))) return;
  // V8 refuses what was compiled under other flags: each kind of run would take the other's away.
  if (!isPlainNode()) return;
  for (const part of parts) known.add(part);
  process.once('exit', () => write(loaded, known));
}

function write({ cache: { folder, file, owner, stamp }, script }: Loaded, parts: Iterable<string>): void {
  const partial = `${file}.${process.pid}${PARTIAL}`;
  try {
    // Root leaves no files in the home of a user whose package it runs.
    if (owner !== process.geteuid?.() || lstatSync(dirname(folder)).uid !== owner) return;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (!isOf(owner, lstatSync(folder))) return;
    // Of runs that were killed; one that is writing just now goes without.
    for (const name of readdirSync(folder)) if (name.endsWith(PARTIAL)) unlinkSync(`${folder}/${name}`);
    const header = Buffer.from([stamp, ...parts].join(' ').padEnd(HEADER));
    if (header.length > HEADER) return;
    const data = script.createCachedData();
    writeDurably(partial, Buffer.concat([header, data, data]));
    renameSync(partial, file);
  } catch {
    takeAway(partial);
  }
}

function takeAway(file: string): void {
  try {
    unlinkSync(file);
  } catch {}
}

function writeDurably(file: string, bytes: Buffer): void {
  const fd = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
  try {
    if (writeSync(fd, bytes) < bytes.length) throw new Error('the disk is full');
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

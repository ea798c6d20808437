/**
 * A record whose checksums are right, written by somebody who means ill: each thing in each kind of line is replaced in
 * turn. It is refused before anything is touched, or means something that the tool may do.
 */
import { cpSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport } from '../../lib/index.js';
import { encodeText } from '../support/record.js';
import { everyKindHost, type Line, linesFor, MARKS, restoring, textOf } from './every-kind.js';
import { sample } from './extent.js';
import { count } from './figures.js';
import { filesBelow } from './files-below.js';
import { type Mutant, mutantsOf, typeOf, unbounded } from './mutants.js';

interface Forgery extends Mutant {
  readonly text: () => string;
  /** `file.change.from`: the kind of step, and where in its line. */
  readonly name: string;
}

/** Every mutant of every line, among the others of the record. */
function forgeries(lines: readonly Line[]): Forgery[] {
  const kinds = new Map(lines.map((line) => [line['step'], (line['change'] as { kind?: string } | undefined)?.kind]));
  for (const line of lines) {
    if (line.type === 'step') kinds.set(line['step'], (line['change'] as { kind: string }).kind);
  }
  return lines.flatMap((line, index) =>
    [...mutantsOf(line)].map((mutant) => {
      const kind = line.type === 'step' || line.type === 'detail' ? `${kinds.get(line['step'])} ` : '';
      const forged = () => encodeText(unbounded(JSON.stringify(mutant.value)));
      const text = () => textOf(lines.slice(0, index)) + forged() + textOf(lines.slice(index + 1));
      return { ...mutant, text, name: `${kind}${line.type} ${mutant.at}` };
    }),
  );
}

/** Where another type than the one that is there is right as well. */
const MAY_BE: [where: RegExp, types: string[]][] = [
  [/^slice step change\.(from|to)$/, ['null', 'object']],
  // No settings are none, as a list or as an object.
  [/^cgroup step change\.(from|to)$/, ['null', 'object', 'array']],
  [/^cgroup step change\.(from|to)\.[a-z_.]+$/, ['absent']],
  [/^file step change\.from$/, ['null', 'string']],
  [/^cgroup detail made$/, ['null', 'string']],
  [/^affinity step change\.(from|to)$/, ['null', 'string']],
  [/^affinity step change\.scope$/, ['absent']],
  [/^affinity (step change\.tasks|detail late)\.\d+\.[23]$/, ['null', 'string']],
  [/^tasks step change\.(processes|threads)$/, ['absent']],
  // A list may have one fewer.
  [/\.\d+$/, ['absent']],
];

const isWrongType = ({ name, before, after }: Forgery): boolean => {
  const type = typeOf(after);
  return type !== typeOf(before) && !MAY_BE.some(([where, types]) => where.test(name) && types.includes(type));
};

const told = ({ error, commands }: RunReport) =>
  [error, ...commands.flatMap(({ failures }) => failures)].filter((one) => one !== undefined);

test('each thing in it replaced', async () => {
  const host = everyKindHost();
  const all = forgeries([...linesFor(host), ...MARKS]);
  const before = filesBelow(host.sys);
  const chosen = sample(all, 800);
  const accepted: Forgery[] = [];
  for (const forgery of chosen) {
    const said = `${forgery.name} = ${String(JSON.stringify(forgery.after)).slice(0, 60)}`;
    const report = await restoring(host, forgery.text(), { dryRun: true, force: true });
    for (const { code, message } of told(report)) {
      expect(code, `${said}: ${message}`).not.toBe('ERR_INTERNAL');
      expect(message, said).toMatch(/^[^\n]{1,500}$/);
    }
    const refused = report.error?.code === 'ERR_RECORD';
    if (refused) {
      expect(report.error?.message, said).toMatch(/^undo record .*, line \d+: ./);
      expect(report.error?.remedy, said).toMatch(/./);
      expect(report.commands[0]?.changes, said).toEqual([]);
      expect((await restoring(host, forgery.text(), { force: true })).error?.code, said).toBe('ERR_RECORD');
    } else {
      expect(isWrongType(forgery), `${said} was accepted`).toBe(false);
      accepted.push(forgery);
    }
  }
  expect(filesBelow(host.sys)).toEqual(before);

  const tree = dirname(host.sys);
  const untouched = `${tree}-untouched`;
  cpSync(tree, untouched, { recursive: true });
  try {
    for (const { name, after, text } of accepted) {
      for (const { code, message } of told(await restoring(host, text(), { force: true }))) {
        expect(code, `${name} = ${String(after)}: ${message}`).not.toBe('ERR_INTERNAL');
      }
      rmSync(tree, { recursive: true });
      cpSync(untouched, tree, { recursive: true });
    }
  } finally {
    rmSync(untouched, { recursive: true });
  }
  count('forged records', chosen.length);
  count('forged records that meant something', accepted.length);
});

/**
 * What follows C or N, against the kernel's own parsers: where both read a text, they read the same set, and where only
 * one does, the reason is one of those that are listed here.
 */
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../lib/errors.js';
import { parseList } from '../../lib/sets/list.js';
import { parseMask, parseUserMask } from '../../lib/sets/mask.js';
import { parseToken, selectToken } from '../../lib/sets/token.js';
import { describeOn } from '../vm/describe-on.js';
import type { Guest } from '../vm/guest.js';
import { type KernelVersion, smallHost } from '../vm/host.js';
import { cpuSetTexts } from './cpu-set-texts.js';
import { tries } from './extent.js';
import { count } from './figures.js';
import { type Answers, askKernel } from './kernel-parser.js';

/** More than a mask's group of 32. */
const CPUS = 36;
const NODES = 4;

type Reasons = Record<string, (text: string, set: string) => boolean>;

/** What a letter stands for, and how the kernel is asked about it. */
interface Unit {
  readonly letter: 'C' | 'N';
  readonly noun: 'CPU' | 'node';
  readonly last: number;
  readonly file: 'cpuset.cpus' | 'cpuset.mems';
  readonly hasMasks: boolean;
  /** The text that the kernel is asked about in the place of one. */
  asked(text: string): string;
  /** Why the kernel may read what the tool refuses. */
  readonly refused: Reasons;
}

/** What the tool reads, or undefined where it refuses. */
function ours({ letter, noun, last }: Unit, text: string): string | undefined {
  const existing = parseList(`0-${last}`);
  try {
    return selectToken(parseToken(`${letter}${text}`), { noun, existing, all: existing }).toString();
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

const isMask = (text: string): boolean => /^[0-9a-f]{8}(,[0-9a-f]{8})*$/.test(text.trim());

/** What the kernel reads, as a list or as a mask, whichever the tool takes the text for. */
function theirs({ hasMasks }: Unit, text: string, { list, mask }: Answers): string | undefined {
  if (isMask(text)) return hasMasks && 'held' in mask ? parseMask(mask.held).toString() : undefined;
  return 'held' in list ? list.held : undefined;
}

/** What the kernel reads and the tool refuses. */
const REFUSED: Reasons = {
  'the empty set': (_text, set) => set === '',
  'an empty element': (text) => /(^|,)(,|$)/.test(text.trim()),
  'white space inside': (text) => /\s/.test(text.trim()),
  'a comma missing after a group': (text) => /:[0-9N]+\/(\d+(N|all)|N(\d|N|all))/i.test(text),
  'a group that overflows its 32 bits': (text) => /\/42949672[0-9]{2}/.test(text),
  'an empty region': (text) => /:0+\//.test(text),
};

const cpus: Unit = {
  letter: 'C',
  noun: 'CPU',
  last: CPUS - 1,
  file: 'cpuset.cpus',
  hasMasks: true,
  asked: (text) => text,
  refused: REFUSED,
};

/** No file that a test could write to takes a mask of nodes. */
const nodes: Unit = {
  letter: 'N',
  noun: 'node',
  last: NODES - 1,
  file: 'cpuset.mems',
  hasMasks: false,
  // The kernel's last node is another.
  asked: (text) => text.replaceAll(/\ball\b/gi, `0-${NODES - 1}`).replaceAll(/\bN\b/g, String(NODES - 1)),
  // The kernel allows for more than there are, as long as none of those is selected.
  refused: {
    ...REFUSED,
    'a node that is absent': (text) => (text.match(/\d+/g) ?? []).some((digits) => Number(digits) >= NODES),
  },
};

/** What the tool reads and the kernel refuses. */
const MORE: Reasons = {
  'a stride': (text) => /-[0-9N]+:[0-9N]+(,|$)|all:[0-9N]+(,|$)/i.test(text.trim()),
  'white space around a mask': (text) => isMask(text) && text !== text.trim(),
  'a mask of more groups than the kernel has CPUs for': (text) => isMask(text) && text.split(',').length > 2,
};

type Difference = readonly [what: string, text: string, mine: string | undefined, kernels: string | undefined];

const reasonAmong = (reasons: Reasons, text: string, set: string) =>
  Object.keys(reasons).find((name) => reasons[name]?.(text, set));

const hostOf = (kernel: KernelVersion) =>
  smallHost({ kernel, hierarchy: 'v2', name: `${kernel}-v2-36-cpus`, cpus: CPUS, nodes: NODES, lifetime: 2400 });

const kernels: KernelVersion[] = ['6.12', '6.1'];

describe.each(kernels.slice(0, tries(2, 1)))('cpu sets', (kernel) => {
  describeOn(hostOf(kernel), cpuSets, { install: false });
});

function cpuSets(guest: Guest): void {
  test.each([cpus, nodes])('random texts after $letter', async (unit) => {
    const texts = cpuSetTexts(unit.last, tries(6000, 1000), 5).filter(
      (text) => unit.hasMasks || (!isMask(text) && !/N|all/i.test(unit.asked(text))),
    );
    const answers = await askKernel(guest, unit.file, texts.map(unit.asked));
    const bugs: string[] = [];
    const tally = { same: 0, neither: 0, onlyTheirs: 0, onlyOurs: 0 };
    texts.forEach((text, index) => {
      const [mine, kernels] = [ours(unit, text), theirs(unit, text, answers[index] as Answers)];
      const told = `${JSON.stringify(text)}: ${mine} and the kernel's ${kernels}`;
      if (mine === undefined && kernels === undefined) tally.neither++;
      else if (mine !== undefined && kernels !== undefined) {
        if (mine !== kernels) bugs.push(told);
        tally.same++;
      } else if (mine === undefined) {
        if (reasonAmong(unit.refused, text, kernels ?? '') === undefined) bugs.push(told);
        tally.onlyTheirs++;
      } else {
        if (reasonAmong(MORE, text, '') === undefined) bugs.push(told);
        tally.onlyOurs++;
      }
    });
    expect(bugs).toEqual([]);
    // A generator that has gone wrong is seen by this: each of the four comes up.
    expect(Math.min(...Object.values(tally))).toBeGreaterThan(5);
    count(`texts after ${unit.letter}, of which the kernel read the same set`, tally.same);
    count(`texts after ${unit.letter}, which both refused`, tally.neither);
    count(`texts after ${unit.letter}, which one refused for a listed reason`, tally.onlyTheirs + tally.onlyOurs);
  });

  const named: Difference[] = [
    ['a list', '0-3,8', '0-3,8', '0-3,8'],
    [
      'a group',
      '0-35:2/4',
      '0-1,4-5,8-9,12-13,16-17,20-21,24-25,28-29,32-33',
      '0-1,4-5,8-9,12-13,16-17,20-21,24-25,28-29,32-33',
    ],
    ['the last one', 'N', '35', '35'],
    ['all', 'all', '0-35', '0-35'],
    ['a mask', '0000000f,00000001', '0,32-35', '0,32-35'],
    ['a stride', '0-8:4', '0,4,8', undefined],
    ['nothing', '', undefined, ''],
    ['the empty mask', '00000000', undefined, undefined],
    ['an empty element', '0,,3', undefined, '0,3'],
    ['an empty region', '0-7:0/2,9', undefined, '9'],
    ['a CPU that is absent', '36', undefined, undefined],
    ['a range that ends where no CPU is', '30-36', undefined, undefined],
    ['white space around', ' 0-3\n', '0-3', '0-3'],
    ['white space between elements', '0, 3', undefined, '0,3'],
    ['what follows a newline', '0\n3', undefined, '0'],
    ['a comma missing after a group', '0-7:1/2N', undefined, '0,2,4,6,35'],
    ['eight digits: a mask', '00000012', '1,4', '1,4'],
    ['fewer digits: a list', '12', '12', '12'],
    ['nine digits: a list', '000000012', '12', '12'],
    ['one group of other digits: a list', '00000012,3', '3,12', '3,12'],
    ['uppercase digits: no mask', '0000000F', undefined, undefined],
    ['a group that is too large', '5-7:1/4294967295', undefined, '0-5'],
  ];

  /** The kernel allows for MAX_NUMNODES, here 1,024, whatever nodes there are. */
  const namedOfNodes: Difference[] = [
    ['a list', '0,2-3', '0,2-3', '0,2-3'],
    ['a group', '0-3:1/2', '0,2', '0,2'],
    ['the last one', 'N', '3', undefined],
    ['all', 'all', '0-3', undefined],
    ['a group as large as there are nodes', '0-3:1/N', '0,3', '0'],
    ['a mask', '0000000a', '1,3', undefined],
    ['a node that is absent', '4', undefined, undefined],
    ['a stride', '0-3:2', '0,2', undefined],
  ];

  test.each([
    [cpus, named],
    [nodes, namedOfNodes],
  ] as const)('the listed differences of $letter', async (unit, all) => {
    const answers = await askKernel(
      guest,
      unit.file,
      all.map(([, text]) => text),
    );
    const seen = all.map(([what, text], index) => {
      return [what, text, ours(unit, text), theirs(unit, text, answers[index] as Answers)];
    });
    expect(seen).toEqual(all);
    count('differences from the kernel, by name', all.length);
  });

  test('a mask is read as the tool reads it, whatever the kernel prints', async () => {
    const masks = ['00000001,00000000', '00000003,ffffffff', '0000000a,80000001'];
    const answers = await askKernel(guest, cpus.file, masks);
    for (const [index, mask] of masks.entries()) {
      expect('held' in (answers[index]?.mask ?? {}) && theirs(cpus, mask, answers[index] as Answers)).toBe(
        parseUserMask(mask)?.toString(),
      );
    }
  });
}

/** What the command line calls CPUs: `C` with a list or mask of CPUs, or `N` with a list or mask of NUMA nodes. */
import { UsageError } from '../errors.js';
import { Bitmap } from './bitmap.js';
import { parseUserMask } from './mask.js';
import { type Numbering, requireExisting } from './numbering.js';
import { parseRegions, type Region, selectRegions } from './regions.js';
import { quote } from './text.js';

export interface Token {
  readonly unit: 'cpus' | 'nodes';
  /** What follows the prefix, as it was given. */
  readonly text: string;
  /** A mask's numbers, or a list's elements: what these select depends on the host. */
  readonly set: Bitmap | readonly Region[];
}

/**
 * Reads `C0-3,8`, `C000000ff,00000000`, `N0`, ... Whether the numbers exist is for {@link selectToken} to say.
 * Surrounding white space is allowed.
 * @throws UsageError naming the offending part, with the way to write it
 */
export function parseToken(word: string): Token {
  const trimmed = word.trim();
  const unit = UNITS.get(trimmed.slice(0, 1));
  if (unit === undefined) throw prefixError(trimmed);
  const text = trimmed.slice(1).trim();
  if (text === '') {
    throw new UsageError(`${quote(trimmed)} is an empty set of ${unit}`, { remedy: `write ${EXAMPLES[unit]}` });
  }
  return { unit, text, set: parseUserMask(text) ?? parseRegions(text) };
}

/**
 * What a token names of the numbers that exist: never the empty set.
 * @throws UsageError naming the part that is empty, reversed, or does not exist
 */
export function selectToken(token: Token, numbering: Numbering): Bitmap {
  const { set, text } = token;
  const selected = set instanceof Bitmap ? requireExisting(set, text, numbering) : selectRegions(set, numbering);
  if (selected.isEmpty) throw new UsageError(`${quote(text)} is an empty set of ${token.unit}`);
  return selected;
}

const UNITS = new Map<string, Token['unit']>([
  ['C', 'cpus'],
  ['N', 'nodes'],
]);

const EXAMPLES = { cpus: 'C0-3', nodes: 'N0' };

function prefixError(word: string): UsageError {
  const guesses = word.length > 40 ? [] : [word.slice(0, 1).toUpperCase() + word.slice(1), `C${word}`];
  const meant = guesses.find(isToken);
  return new UsageError(`${quote(word)} begins with neither C, for CPUs, nor N, for NUMA nodes`, {
    remedy: `write ${meant ?? `${EXAMPLES.cpus} or ${EXAMPLES.nodes}`}`,
  });
}

function isToken(word: string): boolean {
  if (!UNITS.has(word.slice(0, 1))) return false;
  try {
    parseToken(word);
    return true;
  } catch {
    return false;
  }
}

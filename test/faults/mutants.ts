/** Values of JSON, each with one thing in it replaced: by a wrong type, an extreme, something hostile, or nothing. */

export interface Mutant {
  /** Where, as a path of member names and indices. */
  readonly at: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly value: unknown;
}

/** Stands for the absence of a member. */
export const ABSENT = Symbol('absent');

/** JSON has no infinity, but its readers make one of this: see {@link unbounded}. */
const INFINITE = 'to be 1e999';

/** A text of JSON in which what stands for the infinite is infinite. */
export const unbounded = (text: string): string => text.replaceAll(`"${INFINITE}"`, '1e999');

const deep = () => JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`);

export const REPLACEMENTS: readonly unknown[] = [
  ABSENT,
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  2 ** 31,
  2 ** 53,
  1e300,
  INFINITE,
  '',
  '0',
  '-1',
  '0-',
  '5-3',
  '99999999999',
  'NaN',
  '..',
  '/',
  '/etc/shadow',
  '../../etc/shadow',
  'a\0b',
  'a\nb',
  '\u001b[2J',
  '__proto__',
  'x'.repeat(10_000),
  [],
  [[]],
  [null],
  [0],
  [[0, 0]],
  [[1, 1, 1, 1]],
  {},
  { constructor: { prototype: 1 } },
  { length: 1, 0: 'x' },
  JSON.parse('{"__proto__":{"kind":"file"}}'),
  deep(),
];

/** Every mutant of a value. */
export function* mutantsOf(value: unknown): Generator<Mutant> {
  for (const at of placesIn(value)) {
    const before = lookUp(value, at);
    for (const after of REPLACEMENTS) {
      if (typeOf(after) === typeOf(before) && JSON.stringify(after) === JSON.stringify(before)) continue;
      yield { at: at.join('.'), before, after, value: replaced(value, at, after) };
    }
  }
}

/** `null`, `array` and `absent` beside what typeof says. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === ABSENT) return 'absent';
  if (value === INFINITE) return 'number';
  return Array.isArray(value) ? 'array' : typeof value;
}

type Place = readonly string[];

/** All but the whole. */
function* placesIn(value: unknown, above: Place = []): Generator<Place> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    yield [...above, name];
    yield* placesIn(member, [...above, name]);
  }
}

function lookUp(value: unknown, at: Place): unknown {
  return at.reduce((inner, name) => (inner as Record<string, unknown>)[name], value);
}

function replaced(value: unknown, [name = '', ...below]: Place, by: unknown): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  if (below.length > 0) copy[name] = replaced(copy[name], below, by);
  else if (by !== ABSENT) copy[name] = by;
  else if (Array.isArray(copy)) copy.splice(Number(name), 1);
  else delete copy[name];
  return copy;
}

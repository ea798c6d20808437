/** Texts that could follow C or N: by the grammar of the kernel's lists and masks, and a little beside it. */
import fc from 'fast-check';

const few = (max: number) => fc.integer({ min: 0, max });

/** Numbers that exist, the last one, some that do not, and some that do not fit. */
const number = (last: number) =>
  fc.oneof(
    { weight: 24, arbitrary: few(last).map(String) },
    { weight: 4, arbitrary: fc.constantFrom('N', `${last}`, '0', '00', '007') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(`${last + 1}`, '1023', '1024', '4294967295', '4294967296', '9'.repeat(30)),
    },
  );

const range = (last: number) =>
  fc.oneof(
    { weight: 9, arbitrary: fc.tuple(few(last), few(last)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`) },
    { weight: 2, arbitrary: fc.constantFrom('all', 'ALL', 'All', '0-N', '3-N') },
    { weight: 1, arbitrary: fc.tuple(number(last), number(last)).map(([a, b]) => `${a}-${b}`) },
  );

const group = (last: number) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(few(5), few(9)).map(([used, more]) => `${used + 1}/${used + 1 + more}`) },
    { weight: 1, arbitrary: fc.tuple(number(last), number(last)).map(([used, of]) => `${used}/${of}`) },
    { weight: 1, arbitrary: number(last) },
  );

const region = (last: number) =>
  fc.oneof(
    number(last),
    range(last),
    fc.tuple(range(last), group(last)).map(([all, some]) => `${all}:${some}`),
  );

const list = (last: number) => fc.array(region(last), { minLength: 1, maxLength: 4 }).map((regions) => regions.join());

/** Groups of any length: of eight lowercase digits, and others. */
const mask = (last: number) => {
  const digits = (min: number, max: number) =>
    fc
      .array(fc.constantFrom(...'00000123456789abcdefAF'), { minLength: min, maxLength: max })
      .map((all) => all.join(''));
  const top = fc
    .integer({ min: 0, max: 2 ** ((last + 1) % 32 || 32) - 1 })
    .map((bits) => bits.toString(16).padStart(8, '0'));
  const group = fc.oneof(
    digits(8, 8).map((text) => text.toLowerCase()),
    digits(1, 9),
  );
  const fitting = fc.array(
    digits(8, 8).map((text) => text.toLowerCase()),
    {
      minLength: Math.floor(last / 32),
      maxLength: Math.floor(last / 32),
    },
  );
  return fc.oneof(
    fc.tuple(top, fitting).map(([first, rest]) => [first, ...rest].join()),
    fc.array(group, { minLength: 1, maxLength: 3 }).map((groups) => groups.join()),
  );
};

/** Something put in, taken out, or put twice. */
const mutated = (texts: fc.Arbitrary<string>) =>
  fc
    .tuple(
      texts,
      few(1000),
      fc.constantFrom('in', 'out', 'twice'),
      fc.constantFrom(...'0123456789,-:/Nnal \t\nxf.+*^_'),
    )
    .map(([text, place, what, character]) => {
      const at = place % (text.length + 1);
      if (what === 'in') return text.slice(0, at) + character + text.slice(at);
      if (what === 'out') return text.slice(0, at) + text.slice(at + 1);
      return text.slice(0, at) + text.slice(Math.max(0, at - 3));
    });

/** @param last the last number that exists */
export function cpuSetTexts(last: number, howMany: number, seed: number): string[] {
  const right = fc.oneof({ weight: 3, arbitrary: list(last) }, { weight: 1, arbitrary: mask(last) });
  const texts = fc.oneof(
    { weight: 3, arbitrary: right },
    { weight: 1, arbitrary: mutated(right) },
    { weight: 1, arbitrary: mutated(mutated(right)) },
  );
  return [...new Set(fc.sample(texts, { numRuns: howMany, seed }))];
}

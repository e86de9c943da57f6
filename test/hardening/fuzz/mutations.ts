import fc from 'fast-check';

/** What breaks parsers, encoders and comparisons. */
const oddTexts = [
  '',
  '\0',
  '\u2028',
  '\ud800',
  '\ufeff',
  'ü',
  '💥',
  '"',
  '\\',
  "'",
  '`',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '$',
  '@',
  '!',
  '...',
  '#',
  '%',
  '%00',
  '../',
  '__proto__',
  'constructor',
  'null',
  'true',
  '-1',
  '0',
  '1e999',
  '9007199254740993',
  '18446744073709551616',
  'NaN',
  '"""',
  '\\u0000',
  ' '.repeat(300),
  '['.repeat(300),
  'a'.repeat(5_000),
];

interface Edit {
  readonly kind: 'cut' | 'insert' | 'repeat' | 'replace' | 'truncate' | 'swap';
  /** Shares of the length. */
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('cut', 'insert', 'repeat', 'replace', 'truncate', 'swap'),
  at: share,
  length: fc.oneof({ weight: 5, arbitrary: fc.constant(0.01) }, { weight: 1, arbitrary: share }),
  text: fc.oneof(fc.constantFrom(...oddTexts), fc.string({ unit: 'binary', maxLength: 12 })),
});

function edited(text: string, { kind, at, length, text: odd }: Edit): string {
  const start = Math.floor(at * text.length);
  const end = Math.min(text.length, start + 1 + Math.floor(length * text.length));
  const [before, part, after] = [text.slice(0, start), text.slice(start, end), text.slice(end)];
  switch (kind) {
    case 'cut':
      return before + after;
    case 'insert':
      return before + odd + part + after;
    case 'repeat':
      return before + part.repeat(1 + Math.min(50, Math.floor(2_000 / part.length))) + after;
    case 'replace':
      return before + odd + after;
    case 'truncate':
      return before;
    case 'swap':
      return after + part + before;
  }
}

/** One of the texts, with some edits. */
export function mutatedText(...texts: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([text, edits]) => edits.reduce(edited, text));
}

/** One of the texts, with some of its words in the place of others: it parses more often than not. */
export function rewordedText(...texts: readonly string[]): fc.Arbitrary<string> {
  const words = [...new Set(texts.flatMap((text) => text.match(/\w+|"[^"]*"/g) ?? []))];
  const odd = ['-1', '0', '4294967296', '1e308', '""', '"match"', 'null', '[]', '{}', '$v', 'true'];
  const change = fc.tuple(share, fc.constantFrom(...words, ...odd));
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(change, { minLength: 0, maxLength: 3 }))
    .map(([text, changes]) => {
      const parts = text.split(/(\w+|"[^"]*")/);
      for (const [at, word] of changes) {
        parts[1 + 2 * Math.floor((at * (parts.length - 2)) / 2)] = word;
      }
      return parts.join('');
    });
}

/** One of the bodies, with some bytes changed, cut, doubled or in the place of others. */
export function mutatedBytes(...bodies: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    kind: fc.constantFrom('flip', 'word', 'cut', 'copy', 'truncate'),
    at: share,
    to: share,
    value: fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0xffffffff)),
  });
  return fc
    .tuple(fc.constantFrom(...bodies), fc.array(change, { minLength: 1, maxLength: 6 }))
    .map(([body, changes]) => {
      let bytes = Buffer.from(body);
      for (const { kind, at, to, value } of changes) {
        if (bytes.length < 8) break;
        const start = Math.floor(at * (bytes.length - 8));
        const target = Math.floor(to * (bytes.length - 8));
        if (kind === 'flip') bytes[start] = (bytes[start] ?? 0) ^ (1 << (value % 8));
        else if (kind === 'word') bytes.writeUInt32LE(value, start - (start % 4));
        else if (kind === 'copy') bytes.copyWithin(target, start, start + (value % 64));
        else if (kind === 'truncate') bytes = bytes.subarray(0, start);
        else
          bytes = Buffer.concat([
            bytes.subarray(0, start),
            bytes.subarray(start + 1 + (value % 32)),
          ]);
      }
      return bytes;
    });
}

/** Any JSON, with the values that break things among it. */
export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom<unknown>(...oddTexts, null, -1, 2 ** 53, 1e308, [], {}, [[]], { eq: null }),
);

/** A JSON text in which one value was replaced, or which was edited as text. */
export function mutatedJson(...values: readonly unknown[]): fc.Arbitrary<string> {
  const texts = values.map((value) => JSON.stringify(value));
  const replaced = fc
    .tuple(fc.constantFrom(...values), fc.nat(1_000), anyJson)
    .map(([value, place, other]) => JSON.stringify(withReplaced(value, place, () => other)));
  const likely = fc
    .tuple(
      fc.constantFrom(...values),
      fc.array(fc.tuple(fc.nat(1_000), likeOther), { maxLength: 3 }),
    )
    .map(([value, changes]) =>
      JSON.stringify(changes.reduce((one, [at, other]) => withReplaced(one, at, other), value)),
    );
  return fc.oneof(
    { weight: 2, arbitrary: likely },
    { weight: 2, arbitrary: replaced },
    { weight: 1, arbitrary: mutatedText(...texts) },
  );
}

type Replace = (value: unknown) => unknown;

/** Another value of the same kind, so that what is made of it comes further. */
const likeOther: fc.Arbitrary<Replace> = fc
  .record({
    number: fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1, 2, 3, 1.5, 65_536)),
    text: fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom(...oddTexts)),
    flag: fc.boolean(),
  })
  .map(({ number, text, flag }) => (value: unknown): unknown => {
    if (typeof value === 'number') return number;
    if (typeof value === 'string') return text;
    if (typeof value === 'boolean') return flag;
    if (Array.isArray(value)) return flag ? [...value, ...value] : value.slice(1);
    return flag ? null : value;
  });

/** The value with the one at some place, in the order of a walk, replaced. */
function withReplaced(value: unknown, place: number, other: Replace): unknown {
  const count = countOf(value);
  let left = place % count;
  const walk = (one: unknown): unknown => {
    if (left-- === 0) return other(one);
    if (Array.isArray(one)) return one.map(walk);
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, part]) => [key, walk(part)]));
  };
  return walk(value);
}

function countOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, part) => sum + countOf(part), 1);
}

/**
 * The same JSON written in other ways: white space, order of keys, escapes, numbers with a point or
 * an exponent. `seed` decides which; 0 writes as `JSON.stringify` does.
 */
export function spelled(value: unknown, seed: number): string {
  const random = new Picks(seed);
  const write = (part: unknown): string => {
    const space = () => random.of(['', '', '', ' ', '\n\t']);
    if (Array.isArray(part)) {
      return `[${space()}${part.map((inner) => write(inner) + space()).join(`,${space()}`)}]`;
    }
    if (typeof part === 'object' && part !== null) {
      const entries = Object.entries(part).filter(([, inner]) => inner !== undefined);
      if (random.of([false, false, true])) entries.reverse();
      const members = entries.map(
        ([name, inner]) => `${JSON.stringify(name)}${space()}:${space()}${write(inner)}${space()}`,
      );
      return `{${space()}${members.join(`,${space()}`)}}`;
    }
    if (typeof part === 'string') return text(part, random);
    return typeof part === 'number' ? number(part, random) : (JSON.stringify(part) ?? 'null');
  };
  return write(value);
}

function text(value: string, random: Picks): string {
  if (random.of([true, true, true, true, true, true, true, false])) return JSON.stringify(value);
  const units = Array.from({ length: value.length }, (_, i) => value.charCodeAt(i));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

function number(value: number, random: Picks): string {
  if (Object.is(value, -0)) return '-0';
  const plain = JSON.stringify(value);
  const whole = /^-?\d+$/.test(plain);
  return random.of([plain, plain, plain, whole ? `${plain}.0` : plain, value.toExponential()]);
}

class Picks {
  #state: number;
  readonly #isPlain: boolean;

  constructor(seed: number) {
    this.#state = seed;
    this.#isPlain = seed === 0;
  }

  /** One of them; the first where nothing is to be unusual. */
  of<T>(choices: readonly [T, ...T[]]): T {
    if (this.#isPlain) return choices[0];
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return choices[(this.#state >>> 8) % choices.length] as T;
  }
}

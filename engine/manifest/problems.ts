import { EngineError } from '../model/errors.ts';
import { didYouMean } from '../model/nearest-name.ts';

/** One thing wrong with a manifest: where, and what would mend it. */
export interface Problem {
  readonly place: string;
  readonly message: string;
}

/**
 * Collects what is wrong while a value is read, so that a writer sees all of it at once. The
 * readers return null where there is nothing to go on with; the problem is then already noted.
 */
export class Problems {
  readonly all: Problem[] = [];
  #omitted = 0;

  add(place: string, message: string): void {
    if (this.all.length < problemsMax) this.all.push({ place, message });
    else this.#omitted += 1;
  }

  /** @throws EngineError `SCHEMA_MISMATCH` when there is a problem */
  throwIfAny(subject: string): void {
    if (this.all.length === 0) return;
    const lines = this.all.map(({ place, message }) => `${place}: ${message}`);
    if (this.#omitted > 0) lines.push(`and ${this.#omitted} more`);
    const [first] = lines;
    const message =
      lines.length === 1
        ? `${subject} has a problem: ${first}`
        : `${subject} has ${this.all.length + this.#omitted} problems:\n- ${lines.join('\n- ')}`;
    throw new EngineError('SCHEMA_MISMATCH', message, { details: { problems: this.all } });
  }

  /** An object with exactly these members (`undefined` ones count as absent). */
  object<Name extends string>(
    value: unknown,
    place: string,
    members: readonly Name[],
    optional: readonly Name[] = [],
  ): { readonly [Member in Name]?: unknown } | null {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.add(place, `must be an object with ${members.map((name) => `"${name}"`).join(', ')}`);
      return null;
    }
    const known = new Map(Object.entries(value).filter(([, member]) => member !== undefined));
    for (const name of known.keys()) {
      if (!members.some((member) => member === name)) {
        this.add(`${place}.${name}`, `there is no such member; ${didYouMean(name, members)}`);
      }
    }
    for (const name of members) {
      if (!known.has(name) && !optional.includes(name)) this.add(`${place}.${name}`, 'is missing');
    }
    return Object.fromEntries(members.map((name) => [name, known.get(name)])) as {
      readonly [Member in Name]?: unknown;
    };
  }

  list(value: unknown, place: string, countMax: number): readonly unknown[] {
    if (value === undefined) return []; // noted by `object`
    if (!Array.isArray(value)) {
      this.add(place, 'must be a list');
      return [];
    }
    if (value.length > countMax) this.add(place, `may have ${countMax} entries at most`);
    return value.slice(0, countMax);
  }

  string(value: unknown, place: string): string | null {
    if (typeof value === 'string') return value;
    if (value !== undefined) this.add(place, 'must be a string');
    return null;
  }

  boolean(value: unknown, place: string): boolean {
    if (typeof value === 'boolean') return value;
    if (value !== undefined) this.add(place, 'must be true or false');
    return false;
  }

  integer(value: unknown, place: string, low: number, high: number): number | null {
    if (Number.isSafeInteger(value) && Number(value) >= low && Number(value) <= high) {
      return Number(value);
    }
    if (value !== undefined) this.add(place, `must be an integer from ${low} to ${high}`);
    return null;
  }

  oneOf<Option extends string>(
    value: unknown,
    place: string,
    options: readonly Option[],
  ): Option | null {
    if (value === undefined) return null;
    const option = options.find((candidate) => candidate === value);
    if (option === undefined) {
      const shown = typeof value === 'string' ? value : '';
      this.add(place, `is none of the possible values; ${didYouMean(shown, options)}`);
      return null;
    }
    return option;
  }

  /** A list of names, each of which must be among the possible ones and stand there once. */
  names<Name extends string>(
    value: unknown,
    place: string,
    possible: readonly Name[],
    what: string,
  ): Name[] {
    const names: Name[] = [];
    for (const [i, entry] of this.list(value, place, namesMax).entries()) {
      const text = this.string(entry, `${place}[${i}]`);
      if (text === null) continue;
      const name = possible.find((candidate) => candidate === text);
      if (name === undefined) {
        this.add(place, `there is no ${what} "${text}"; ${didYouMean(text, possible)}`);
      } else if (names.includes(name)) {
        this.add(place, `"${name}" stands there twice; leave one`);
      } else {
        names.push(name);
      }
    }
    return names;
  }
}

const problemsMax = 100;
const namesMax = 1_000;

/** `tables.unitState` where the entry has a name that fits a place, else `tables[3]`. */
export function placeOf(parent: string, index: number, entry: unknown): string {
  const name = typeof entry === 'object' && entry !== null && 'name' in entry ? entry.name : null;
  const isPlain = typeof name === 'string' && /^[\w-]{1,64}$/.test(name);
  return isPlain ? `${parent}.${name}` : `${parent}[${index}]`;
}

import type { Durability } from '../../engine/log/commit-log.ts';

/** How a setting's text becomes its value. `parse` throws `RangeError` saying what it expected. */
export interface SettingType<T> {
  /** What a value looks like, for `--help`. */
  readonly placeholder: string;
  parse(text: string): T;
}

export const text: SettingType<string> = {
  placeholder: '<text>',
  parse: (value) => {
    if (value === '') throw new RangeError('a text that is not empty');
    return value;
  },
};

export const port: SettingType<number> = {
  placeholder: '<port>',
  parse: (value) => wholeNumber(value, 0, 65_535, 'a port from 0 (any free one) to 65535'),
};

export const onOff: SettingType<boolean> = {
  placeholder: '<on|off>',
  parse: (value) => {
    if (value === 'on' || value === 'true') return true;
    if (value === 'off' || value === 'false') return false;
    throw new RangeError('"on" or "off"');
  },
};

export function count(min: number, max: number): SettingType<number> {
  return {
    placeholder: '<number>',
    parse: (value) => wholeNumber(value, min, max, `a whole number from ${min} to ${max}`),
  };
}

export function oneOf<const T extends string>(...values: readonly T[]): SettingType<T> {
  return {
    placeholder: `<${values.join('|')}>`,
    parse: (value) => {
      const found = values.find((candidate) => candidate === value);
      if (found === undefined) throw new RangeError(`one of ${values.join(', ')}`);
      return found;
    },
  };
}

export const httpUrl: SettingType<string> = {
  placeholder: '<url>',
  parse: (value) => {
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      throw new RangeError('a URL that begins http:// or https://');
    }
    return value;
  },
};

/** Comma-separated origins, such as `https://ops.example.com`. */
export const origins: SettingType<readonly string[]> = {
  placeholder: '<origin,…>',
  parse: (value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map((part) => {
        if (!URL.canParse(part) || new URL(part).origin !== part) {
          throw new RangeError('origins such as https://ops.example.com, separated by commas');
        }
        return part;
      }),
};

export const durability: SettingType<Durability> = {
  placeholder: '<strict|interval:ms|none>',
  parse: (value) => {
    if (value === 'strict' || value === 'none') return { mode: value };
    const expected = '"strict", "interval:<ms>" with 1 to 60000 ms, or "none"';
    const match = /^interval:(\d+)$/.exec(value);
    if (match === null) throw new RangeError(expected);
    return { mode: 'interval', syncEveryMs: wholeNumber(match[1] ?? '', 1, 60_000, expected) };
  },
};

/** Where the columns live: in a child process of this server, or in a ClickHouse of its own. */
export type ColumnsPlace = 'embedded' | { readonly url: string };

export const columnsPlace: SettingType<ColumnsPlace> = {
  placeholder: '<embedded|url>',
  parse: (value) => {
    if (value === 'embedded') return 'embedded';
    if (/^https?:/.test(value)) return { url: httpUrl.parse(value) };
    throw new RangeError('"embedded", or http(s)://user:password@host:8123');
  },
};

/**
 * A setting whose other values belong to running on several nodes, which this version does not do:
 * a known but unserved value gets an answer that says so, not one that calls it a typing mistake.
 */
export function onlyOnOneNode<const T extends string>(
  served: T,
  unserved: { readonly scheme: string; readonly what: string },
): SettingType<T> {
  return {
    placeholder: `<${served}>`,
    parse: (value) => {
      if (value === served) return served;
      if (value.startsWith(unserved.scheme)) {
        throw new RangeError(
          `"${served}": this version runs on one node, ${unserved.what} is not served by it`,
        );
      }
      throw new RangeError(`"${served}"`);
    },
  };
}

function wholeNumber(value: string, min: number, max: number, expected: string): number {
  const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) throw new RangeError(expected);
  return number;
}

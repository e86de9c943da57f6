import type { Durability } from '../../engine/index.ts';
import type { QueryClass } from '../../engine/model/types.ts';
import { servingLimits } from '../serving-limits.ts';

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

/** Some of the values, separated by commas. */
export function listOf<const T extends string>(
  noun: string,
  values: readonly T[],
): SettingType<readonly T[]> {
  return {
    placeholder: `<${noun},…>`,
    parse: (value) => {
      const parts = value.split(',').map((part) => part.trim());
      const found = values.filter((candidate) => parts.includes(candidate));
      const isKnown = (part: string) => values.some((candidate) => candidate === part);
      if (found.length === 0 || !parts.every(isKnown)) {
        throw new RangeError(`some of ${values.join(', ')}, separated by commas`);
      }
      return found;
    },
  };
}

/** A share from 0 to 1. */
export const share: SettingType<number> = {
  placeholder: '<0..1>',
  parse: (value) => {
    const number = /^(?:0|1|0?\.\d{1,6}|1\.0{1,6})$/.test(value) ? Number(value) : Number.NaN;
    if (number >= 0 && number <= 1) return number;
    throw new RangeError('a share from 0 to 1, such as 0.05');
  },
};

/** Milliseconds by class, as `gameplay=100,operator=1000`; classes that are not named keep theirs. */
export function millisecondsByClass(
  defaults: Readonly<Record<QueryClass, number>>,
): SettingType<Readonly<Record<QueryClass, number>>> {
  return {
    placeholder: '<class=ms,…>',
    parse: (value) => {
      const expected = 'gameplay=<ms>, operator=<ms>, archival=<ms>, separated by commas';
      const given = value.split(',').map((part) => {
        const [, name = '', ms = ''] = /^\s*(\w+)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
        const queryClass = name.toUpperCase();
        if (!(queryClass in defaults)) throw new RangeError(expected);
        return [queryClass, wholeNumber(ms, 0, 3_600_000, expected)] as const;
      });
      return { ...defaults, ...Object.fromEntries(given) };
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

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  KB: 2 ** 10,
  MB: 2 ** 20,
  GB: 2 ** 30,
  TB: 2 ** 40,
};

/** A size such as `64GB`; units are of 1024, as memory and disks are bought and as limits are stated. */
export function byteSize(min: number, max: number): SettingType<number> {
  return {
    placeholder: '<size>',
    parse: (value) => {
      const match = /^(\d{1,15})\s*(|KB|MB|GB|TB)$/.exec(value.toUpperCase().replace('IB', 'B'));
      const size = match ? Number(match[1]) * (byteUnits[match[2] ?? ''] ?? 1) : Number.NaN;
      if (size >= min && size <= max) return size;
      throw new RangeError(`a size from ${sizeText(min)} to ${sizeText(max)}, such as 64GB`);
    },
  };
}

function sizeText(bytes: number): string {
  const units = Object.entries(byteUnits).reverse();
  const [unit, size] = units.find(([, one]) => bytes % one === 0 && bytes >= one) ?? ['', 1];
  return `${bytes / size}${unit}`;
}

/** How much of the log is kept at least, in bytes; null: all of it. */
export const logRetain: SettingType<number | null> = {
  placeholder: '<all|size>',
  parse: (value) => {
    if (value === 'all') return null;
    try {
      return byteSize(2 ** 20, 2 ** 50).parse(value);
    } catch (error) {
      throw new RangeError(`"all", or ${(error as Error).message}`);
    }
  },
};

/** How long audit records are kept at least: for days, or as many bytes of them. */
export type AuditRetention =
  | { readonly kind: 'all' }
  | { readonly kind: 'days'; readonly days: number }
  | { readonly kind: 'bytes'; readonly bytes: number };

export const auditRetain: SettingType<AuditRetention> = {
  placeholder: '<all|days|size>',
  parse: (value) => {
    if (value === 'all') return { kind: 'all' };
    const days = /^(\d{1,6})d$/.exec(value)?.[1];
    const max = servingLimits.auditRetainDaysMax;
    if (days !== undefined) {
      if (Number(days) >= 1 && Number(days) <= max) return { kind: 'days', days: Number(days) };
      throw new RangeError(`"all", 1d to ${max}d, or a size such as 64GB`);
    }
    try {
      return { kind: 'bytes', bytes: byteSize(2 ** 20, 2 ** 50).parse(value) };
    } catch (error) {
      throw new RangeError(`"all", days such as 400d, or ${(error as Error).message}`);
    }
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

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../../engine/model/catalog.ts';
import { type ErrorCode, errorCategories } from '../../engine/model/errors.ts';
import { limits } from '../../engine/model/limits.ts';
import { classBoundsOf } from '../../resolvers/query-bounds.ts';
import { buildSchema } from '../../schema/build-schema.ts';
import { statusOf } from '../../src/http/status.ts';
import { ashfall } from '../../src/sandbox/ashfall.ts';
import { servingLimits } from '../../src/serving-limits.ts';
import { pageExamples } from '../serve/page-examples.ts';
import { DeclaredTests } from './declared-tests.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

const known = new Map<string, DeclaredTests>();
function testsOf(path: string): DeclaredTests {
  const tests = known.get(path) ?? new DeclaredTests(read(path), path);
  known.set(path, tests);
  return tests;
}

describe('docs/semantics.md', () => {
  const text = read('docs/semantics.md');

  it('has an example with its answer in every section, and all of them fit the schema of ashfall', () => {
    const schema = buildSchema(new Catalog(ashfall));
    const examples = pageExamples(text);
    const sections = [...text.matchAll(/^## (.*)$/gm)].map(([, name]) => name);
    expect([...new Set(examples.map(({ section }) => section))]).toEqual(sections);
    for (const { body } of examples) {
      const { query } = JSON.parse(body) as { readonly query: string };
      expect(validate(schema, parse(query)).map(({ message }) => message)).toEqual([]);
    }
  });

  it('names tests that exist, for every rule', () => {
    for (const section of text.split(/^## /m).slice(1)) {
      expect(namedTests(section), section.split('\n')[0]).toBeGreaterThan(0);
    }
  });
});

describe('docs/durability.md', () => {
  it('names tests that exist for what it promises', () => {
    expect(namedTests(read('docs/durability.md'))).toBeGreaterThan(4);
  });
});

/** The tests behind `Held by`, whose files and titles must exist; how many files there are. */
function namedTests(text: string): number {
  const held = /^Held by ([\s\S]*?)\.$/m.exec(text)?.[1];
  const references = held?.split(/; (?=`test\/)/) ?? [];
  for (const reference of references) {
    const path = /^`(test\/[^`]+)`/.exec(reference)?.[1] ?? '';
    for (const [, title = ''] of reference.matchAll(/“([^”]+)”/g)) {
      expect(testsOf(path).has(title), `${path}: ${title}`).toBe(true);
    }
  }
  return references.length;
}

describe('docs/limits.md', () => {
  const bounds = { ...limits, ...servingLimits };

  it('lists every bound with its value', () => {
    const rows = [...read('docs/limits.md').matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)];
    const listed = Object.fromEntries(rows.map(([, name, value]) => [name, value]));
    const actual = Object.entries(bounds).map(([name, value]) => [name, shown(name, value)]);
    expect(listed).toEqual(Object.fromEntries(actual));
  });

  it('tells what a query of each class may use', () => {
    const rows = [...read('docs/limits.md').matchAll(/^\| ([A-Z]+) \| (.+) \|$/gm)];
    expect(rows.map(([, name, bounds]) => [name, bounds])).toEqual(
      (['GAMEPLAY', 'OPERATOR', 'ARCHIVAL'] as const).map((name) => {
        const { timeoutMs, memoryBytesMax, rowsReadMax, threadsMax } = classBoundsOf(name);
        const shownBounds = Object.entries({ timeoutMs, memoryBytesMax, rowsReadMax, threadsMax });
        return [name, shownBounds.map(([bound, value]) => shown(bound, value)).join(' | ')];
      }),
    );
  });

  it('names a test for every bound, which exists and speaks of it', () => {
    const rows = read('docs/limits.md').matchAll(/^\| `(test\/[^`]+)`: “([^”]+)” \| ([^|]+) \|$/gm);
    const held = new Set<string>();
    for (const [, path = '', title = '', names = ''] of rows) {
      const source = read(path);
      expect(testsOf(path).has(title), `${path}: ${title}`).toBe(true);
      for (const [, name = ''] of names.matchAll(/`(\w+)`/g)) {
        expect(source.includes(name), `${path}: ${name}`).toBe(true);
        held.add(name);
      }
    }
    expect([...held].sort()).toEqual(Object.keys(bounds).sort());
  });

  it('names codes that exist', () => {
    for (const [, code] of read('docs/limits.md').matchAll(/`([A-Z]{3,}_?[A-Z_]*)`/g)) {
      expect(Object.keys(errorCategories)).toContain(code);
    }
  });
});

describe('docs/errors.md', () => {
  it('lists every code with its category and HTTP status', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (\w+) \| (\d+) \|/gm)];
    const listed = Object.fromEntries(rows.map(([, code, ...rest]) => [code, rest.join(' ')]));
    const codes = Object.keys(errorCategories) as ErrorCode[];
    const actual = codes.map((code) => [code, `${errorCategories[code]} ${statusOf(code)}`]);
    expect(listed).toEqual(Object.fromEntries(actual));
  });
});

describe('the READMEs of the rooms of the engine and the server', () => {
  const roomsOf = (house: string) =>
    readdirSync(new URL(`${house}/`, root), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${house}/${name}`);
  const hosted = roomsOf('src').filter((room) => existsSync(new URL(`${room}/README.md`, root)));
  for (const room of ['engine', ...roomsOf('engine'), ...hosted]) {
    it(`of ${room} names files and tests that exist, titles included`, () => {
      const text = read(`${room}/README.md`);
      for (const [, path] of text.matchAll(/`(test\/[\w./-]+|bench\/[\w./-]+)`/g)) {
        expect(existsSync(new URL(path ?? '', root)), path).toBe(true);
      }
      for (const [, path, titles] of text.matchAll(
        /`(test\/[\w./-]+)`(?:: | \()((?:"[^"]+"(?:, )?)+)/g,
      )) {
        for (const [, title = ''] of (titles ?? '').matchAll(/"([^"]+)"/g)) {
          expect(testsOf(path ?? '').has(title), `${path}: ${title}`).toBe(true);
        }
      }
      const named = [...text.matchAll(/`((?:arrow\/|rows\/|graphql\/)?[\w-]+\.ts)`/g)].map(
        ([, name]) => name,
      );
      for (const name of named.filter((one) => !one?.endsWith('.test.ts'))) {
        expect(existsSync(new URL(`${room}/${name}`, root)), `${room}/${name}`).toBe(true);
      }
    });
  }
});

function shown(name: string, value: number): string {
  if (/Bytes(Max)?$/.test(name)) {
    for (const [unit, size] of [
      ['GiB', 2 ** 30],
      ['MiB', 2 ** 20],
      ['KiB', 2 ** 10],
    ] as const) {
      if (value % size === 0) return `${value / size} ${unit}`;
    }
  }
  if (name.endsWith('Ms')) return value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`;
  return value.toLocaleString('en-US');
}

describe('every room of the engine and of the server', () => {
  for (const house of ['engine', 'src']) {
    const rooms = readdirSync(new URL(`${house}/`, root), { withFileTypes: true });
    it.each(rooms.filter((entry) => entry.isDirectory()).map(({ name }) => `${house}/${name}`))(
      'has a README: %s',
      (room) => {
        expect(existsSync(new URL(`${room}/README.md`, root)), room).toBe(true);
      },
    );
  }
});

describe('docs/glossary.md', () => {
  it('gives each word one meaning', () => {
    const rows = [...read('docs/glossary.md').matchAll(/^\| ([^|]+) \| ([^|]+) \|$/gm)];
    const words = rows
      .filter(([, word]) => word !== 'word' && !/^-+$/.test(word ?? ''))
      .flatMap(([, word = '']) => word.split(', '));
    expect(words.length).toBeGreaterThan(40);
    expect([...new Set(words)]).toEqual(words);
  });
});
